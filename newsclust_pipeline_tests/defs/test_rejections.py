"""Articles that can't be embedded are rows of rejected_rows.parquet."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.defs.rejections import record_rejections
from newsclust_pipeline.defs.resources import DataFolder
from newsclust_pipeline.schemas import REJECTED_ROWS

ROW = {"file": "a.csv", "row": 3, "reason": "title is empty", "content": "{}"}
ARTICLES = pa.table(
    {"doc_id": ["a", "b"], "dump": ["x.csv", "y.csv"], "title": ["A", "B"], "url": [None, "u"]}
)


@pytest.fixture
def folder(tmp_path):
    table = pa.Table.from_pylist([ROW], REJECTED_ROWS.schema)
    pq.write_table(table, tmp_path / "rejected_rows.parquet")
    return DataFolder(path=str(tmp_path))


def rows(folder):
    return pq.read_table(folder.file("rejected_rows.parquet")).to_pylist()


def test_articles_follow_the_rows_of_the_dumps_with_the_reason(folder):
    record_rejections(folder, ARTICLES, {"b": "HTTP 400"})
    row, article = rows(folder)
    assert row == ROW
    assert (article["file"], article["row"], article["reason"]) == (
        "y.csv", 0, "not embedded: HTTP 400",
    )  # fmt: skip
    assert json.loads(article["content"]) == {
        "doc_id": "b", "dump": "y.csv", "title": "B", "url": "u",
    }  # fmt: skip


def test_another_run_replaces_them(folder):
    record_rejections(folder, ARTICLES, {"b": "HTTP 400"})
    record_rejections(folder, ARTICLES, {"a": "HTTP 413"})
    assert [row["reason"] for row in rows(folder)[1:]] == ["not embedded: HTTP 413"]
    record_rejections(folder, ARTICLES, {})
    assert rows(folder) == [ROW]


def test_without_rejections_the_file_is_not_written(tmp_path):
    record_rejections(DataFolder(path=str(tmp_path)), ARTICLES, {})
    assert not list(tmp_path.iterdir())
