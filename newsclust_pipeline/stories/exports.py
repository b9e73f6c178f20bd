"""Tables → formats of other tools: CSV for spreadsheets, JSON, a table for embedding-atlas."""

import csv
import io
import json
import re
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.tables import join, lists_of
from newsclust_pipeline.search.graph import Neighbours

# A spreadsheet reads a cell that begins with one of these as a formula (OWASP, "CSV Injection").
_FORMULA = r"=+\-@\t\r\n＝＋－＠"
# It may take other characters than the comma for separators, and quotes for text.
_CELL_START = re.compile(rf"(^|[,;|\t\r\n])([\s\"]*)(?=[{_FORMULA}])")
_DOCUMENTS = ("doc_id", "title", "text", "venue", "url", "published_at")


def as_csv(table: pa.Table) -> str:
    """Return a table as CSV that is safe to open in a spreadsheet.

    Lists are joined by "; ". Texts are quoted. Where a text would be a formula, at its beginning
    or after any separator, an apostrophe is put before it, so that headlines can't start other
    programs or send cells to an address.
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(table.column_names)
    writer.writerows([_cell(value) for value in row.values()] for row in table.to_pylist())
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(
            ": ".join(map(str, v.values())) if isinstance(v, dict) else str(v) for v in value
        )
    if isinstance(value, datetime):
        return value.isoformat()
    return _CELL_START.sub(r"\1\2'", value) if isinstance(value, str) else value


def as_json(table: pa.Table) -> str:
    """Return a table as a JSON list of objects, one on each line; times in ISO 8601."""
    rows = [json.dumps(row, ensure_ascii=False, default=_iso) for row in table.to_pylist()]
    return "[\n" + ",\n".join(rows) + "\n]\n"


def _iso(value: date) -> str:
    return value.isoformat()


def documents_table(
    articles: pa.Table,
    labels: pa.Table,
    stories: pa.Table,
    positions: pa.Table,
    neighbours: Neighbours,
) -> pa.Table:
    """Return one row per document with its article, story, position and neighbours.

    Column `neighbors` has the format of embedding-atlas: row numbers from 0 and distances, the
    nearest first. Therefore the rows are in the order of `neighbours`.
    """
    order = pa.table({"doc_id": pa.array(neighbours.doc_id.tolist(), pa.string())})
    labels = labels.select(["doc_id", "story_id", "label", "probability"])
    table = join(order, articles.select(_DOCUMENTS), labels, positions)
    row = pc.index_in(table["story_id"], stories["story_id"])  # null for noise
    position = table.column_names.index("label") + 1
    table = table.add_column(position, "story_title", stories["title"].take(row))
    table = table.rename_columns(["outlet" if n == "venue" else n for n in table.column_names])
    return table.append_column("neighbors", _neighbour_lists(neighbours))


def _neighbour_lists(neighbours: Neighbours) -> pa.StructArray:
    n, k = neighbours.indices[:, : neighbours.k].shape
    starts = pa.array(range(0, n * k + 1, k) if k else [0] * (n + 1), pa.int32())
    ids = pa.array(neighbours.indices[:, :k].ravel(), pa.int32())
    distances = pa.array(neighbours.distances[:, :k].ravel(), pa.float32())
    lists = [
        pa.ListArray.from_arrays(starts, values, type=lists_of(values.type))
        for values in (ids, distances)
    ]
    return pa.StructArray.from_arrays(lists, ["ids", "distances"])
