"""Add the articles that can't be embedded to the rejected rows."""

import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.files import atomic_path
from newsclust_pipeline.core.parquet import write_parquet
from newsclust_pipeline.defs.io_managers import ParquetIO
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.schemas import REJECTED_ROWS

REJECTED = "rejected_rows"
PREFIX = "not embedded: "


def record_rejections(folder: DataFolder, articles: pa.Table, reasons: Mapping[str, str]) -> None:
    """Write the articles that have no vector to `rejected_rows.parquet`, after the rows of dumps.

    They replace those of earlier runs.

    Args:
        folder: the data folder.
        articles: columns doc_id, dump, title, url.
        reasons: why an article has no vector, by doc_id.
    """
    rows = ParquetIO(folder=folder).last(REJECTED)
    if rows is None:
        rows = REJECTED_ROWS.schema.empty_table()
    is_earlier = pc.starts_with(rows["reason"], PREFIX)
    if not reasons and not pc.any(is_earlier).as_py():
        return
    rejected = articles.filter(pc.is_in(articles["doc_id"], pa.array(list(reasons), pa.string())))
    content = [
        {
            "file": article["dump"],
            "row": 0,
            "reason": PREFIX + reasons[article["doc_id"]],
            "content": json.dumps(article, ensure_ascii=False),
        }
        for article in rejected.select(["doc_id", "dump", "title", "url"]).to_pylist()
    ]
    added = pa.Table.from_pylist(content, REJECTED_ROWS.schema)
    kept = rows.filter(pc.invert(is_earlier)).cast(REJECTED_ROWS.schema)
    with atomic_path(folder.file(f"{REJECTED}.parquet")) as temporary:
        write_parquet(pa.concat_tables([kept, added]), temporary)
