"""Gold labels: the true stories of articles, where a column of the dumps names them."""

from collections import Counter

import pyarrow as pa

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.ingest.cleaning import clean_text
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.schemas import GOLD_LABELS


class GoldLabels:
    """Gold labels by article, collected while the rows of dumps are read.

    Args:
        column: the dumps' column with the labels; empty if there is none.
    """

    def __init__(self, column: str = "") -> None:
        self._column = column
        self._columns: dict[str, None] = {}
        self._counts: Counter[tuple[str, str | None]] = Counter()

    def add(self, doc_id: str, row: Row) -> None:
        """Take the label of a usable row."""
        if self._column:
            self._columns.update(dict.fromkeys(map(str, row.cells)))
            self._counts[doc_id, clean_text(row.cells.get(self._column))] += 1

    def table(self) -> pa.Table:
        """Return all labels, schema `schemas.GOLD_LABELS`, ordered by article and label.

        Raises:
            SettingError: no row has the column.
        """
        if self._column and self._counts and self._column not in self._columns:
            raise SettingError(
                f"gold_column={self._column}: no dump has such a column. Columns found: "
                f"{', '.join(map(repr, self._columns))}. Correct "
                "`raw_news.gold_column`, or leave it empty."
            )
        ordered = sorted(self._counts.items(), key=lambda pair: (pair[0][0], pair[0][1] or ""))
        rows = [{"doc_id": d, "gold": gold, "rows": n} for (d, gold), n in ordered]
        return pa.Table.from_pylist(rows, GOLD_LABELS.schema)
