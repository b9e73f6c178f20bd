"""Gold labels are taken by the ids of the articles, in the same pass."""

import pytest

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.columns import resolve_rows
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.schemas import GOLD_LABELS


def rows(*cells):
    read = [Row("dump.csv", number, row) for number, row in enumerate(cells, 1)]
    return list(resolve_rows(read))


def test_labels_are_counted_by_article_and_ordered():
    storm, calm = {"title": "Storm"}, {"title": "Calm"}
    articles = collect_articles(
        rows(storm | {"story": "b"}, calm, storm | {"story": " a "}, storm | {"story": "b"}),
        gold_column="story",
    )
    ids = dict(
        zip(articles.table["title"].to_pylist(), articles.table["doc_id"].to_pylist(), strict=True)
    )
    expected = [
        {"doc_id": ids["Storm"], "gold": "a", "rows": 1},
        {"doc_id": ids["Storm"], "gold": "b", "rows": 2},
        {"doc_id": ids["Calm"], "gold": None, "rows": 1},
    ]
    assert articles.gold.to_pylist() == sorted(expected, key=lambda row: row["doc_id"])
    assert articles.gold.schema == GOLD_LABELS.schema


def test_rejected_rows_have_no_label():
    articles = collect_articles(rows({"title": "", "story": "a"}, {"title": "Storm", "story": "b"}),
                                gold_column="story")  # fmt: skip
    assert articles.gold["gold"].to_pylist() == ["b"]


def test_without_a_gold_column_there_are_no_labels():
    assert collect_articles(rows({"title": "Storm", "story": "a"})).gold.num_rows == 0


def test_a_column_that_no_dump_has_is_an_error_that_lists_those_there_are():
    with pytest.raises(SettingError, match=r"gold_column=truth: no dump.*'title', 'story'"):
        collect_articles(rows({"title": "Storm", "story": "a"}), gold_column="truth")


def test_a_column_that_only_some_dumps_have_is_no_error():
    articles = collect_articles(rows({"title": "Storm"}, {"title": "Calm", "story": "a"}), "story")
    assert articles.gold.num_rows == 2
