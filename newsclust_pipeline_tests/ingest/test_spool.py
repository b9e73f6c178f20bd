"""Rows are written to disk and returned as one table."""

import gc
import tempfile
from pathlib import Path

import pyarrow as pa

from newsclust_pipeline.ingest.spool import Spool

SCHEMA = pa.schema([pa.field("n", pa.int64()), pa.field("text", pa.string())])


def filled(rows):
    with Spool(SCHEMA) as spool:
        for row in rows:
            spool.add(row)
        return spool.table()


def left_behind():
    return list(Path(tempfile.gettempdir()).glob("newsclust-*.arrow"))


def test_any_number_of_rows_comes_back_in_order():
    rows = [{"n": n, "text": f"Ferry {n}" if n % 3 else None} for n in range(25_000)]
    table = filled(rows)
    assert table.to_pylist() == rows
    assert table["n"].num_chunks == 3


def test_no_rows_give_an_empty_table_with_the_schema():
    assert filled([]).equals(SCHEMA.empty_table())


def test_long_texts_are_written_before_they_fill_the_memory():
    assert filled({"n": n, "text": "x" * (1 << 20)} for n in range(9))["n"].num_chunks == 3


def test_the_table_stays_valid_and_its_file_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    table = filled([{"n": 7, "text": "Ferry"}])
    gc.collect()
    assert left_behind() == []
    assert table["text"].to_pylist() == ["Ferry"]
