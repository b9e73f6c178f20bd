"""Rows become articles: cleaned, dated, deduplicated, ordered, or rejected with a reason."""

import json
import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core.errors import DiskSpaceError
from newsclust_pipeline.core.parquet import write_parquet
from newsclust_pipeline.ingest.articles import (
    ARTICLES,
    REJECTED,
    collect_articles,
    doc_id,
)
from newsclust_pipeline.ingest.columns import resolve_rows
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.ingest.rows import Row

NOON = datetime(2024, 6, 3, 12, tzinfo=UTC)
UNTIDY = [
    {"title": "  Ferry&nbsp;runs \n aground ", "summary": "nan", "date": "2024-06-03"},
    {"title": "Fish &amp;amp; chips", "summary": "a &lt;b&gt; c", "date": "1717416000"},
    {"title": "Cafe\u0301 opens", "summary": "\u200b", "link": "https://herald.example/a?b=1&c=2"},
    {
        "title": "Emoji 🐝 and \ud83d alone",
        "summary": "nul \0 here",
        "date": "3 June 2024 at 10:30",
    },
    {"title": "大雪がトンネルを塞ぐ", "source": {"id": None, "name": "Kawa&#x20;Post"}},
]


def collect(*news, dump="news.jsonl"):
    return resolved(Row(dump, n, cells) for n, cells in enumerate(news, start=1))


def resolved(rows):
    return collect_articles(resolve_rows(rows))


def only(*news):
    (article,) = collect(*news).table.to_pylist()
    return article


def shuffled(values, seed):
    return random.Random(seed).sample(values, len(values))  # noqa: S311 (no secret)


# --- text


def test_articles_can_be_encoded_as_utf8():
    article = only({"title": "Half a \ud83d pair", "source": "\udfff", "link": "h\ud800"})
    assert all(article[name].encode() for name in ("title", "venue", "url", "text"))


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("At noon\n", "Ferry docks\nAt noon"),
        ("nan", "Ferry docks"),
        ("", "Ferry docks"),
        (None, "Ferry docks"),
    ],
)
def test_the_text_is_title_and_description_without_nan_or_trailing_newline(description, text):
    article = only({"title": " Ferry docks", "description": description})
    assert article["text"] == text
    assert article["doc_id"] == doc_id(text)


def test_a_newsapi_article_is_read_with_its_nested_source():
    line = """{"source": {"id": null, "name": "Skällö Herald"}, "author": "A. Quill",
      "title": "Ferry runs aground", "description": "Nobody was hurt.", "urlToImage": null,
      "url": "https://herald.example/1", "publishedAt": "2024-06-03T12:00:00Z", "content": "…"}"""
    assert only(json.loads(line)) == {
        "doc_id": doc_id("Ferry runs aground\nNobody was hurt."),
        "title": "Ferry runs aground",
        "description": "Nobody was hurt.",
        "text": "Ferry runs aground\nNobody was hurt.",
        "published_at": NOON,
        "url": "https://herald.example/1",
        "venue": "Skällö Herald",
        "dump": "news.jsonl",
        "copies": 1,
        "venues": ["Skällö Herald"],
        "language": None,
        "versions": 1,
        "date_suspect": False,
        "embedded_text": None,
    }


@pytest.mark.parametrize(("name", "limit"), [("title", 1_000), ("description", 100_000)])
def test_overlong_texts_are_cut_and_counted(name, limit):
    found = collect({"title": "Ferry docks", name: "x" * (limit + 1)}, {"title": "Bees", name: "y"})
    (row,) = (row for row in found.table.to_pylist() if "x" in row["text"])
    assert row[name] == "x" * limit
    assert row["doc_id"] == doc_id(row["text"])
    assert found.shortened == 1


def test_double_encoding_makes_no_second_article():
    article = only({"title": "Müller wins in Köln"}, {"title": "MÃ¼ller wins in KÃ¶ln"})
    assert (article["title"], article["copies"]) == ("Müller wins in Köln", 2)


def test_markup_makes_no_second_article():
    article = only(
        {"title": "Ferry docks", "summary": "<p>At <b>noon</b>.</p>"},
        {"title": "Ferry docks", "summary": "At noon."},
    )
    assert (article["description"], article["copies"]) == ("At noon.", 2)


def test_the_next_column_is_used_if_the_cell_of_the_better_one_is_empty():
    article = only({"title": "nan", "headline": "Bees swarm", "summary": "", "content": "In May"})
    assert (article["title"], article["description"]) == ("Bees swarm", "In May")


# --- rejected rows


@pytest.mark.parametrize("title", ["", "nan", None, "\u200b\ufeff", "&nbsp;", "\0", {"id": 1}])
def test_a_row_without_a_readable_title_is_rejected_with_its_content(title):
    found = collect({"title": title, "link": "https://a.example"}, {"title": "Bees swarm"})
    (row,) = found.rejected.to_pylist()
    assert found.rejected.schema == REJECTED
    assert (row["file"], row["row"], row["reason"]) == ("news.jsonl", 1, "title is empty")
    assert "https://a.example" in row["content"]
    assert found.table["title"].to_pylist() == ["Bees swarm"]


def test_a_broken_row_keeps_its_reason_and_its_text():
    broken = Row("a.csv", 7, {"": "half \ud800 a row"}, "an unclosed quote?")
    assert collect_articles([broken]).rejected.to_pylist() == [
        {"file": "a.csv", "row": 7, "reason": "an unclosed quote?", "content": "half ? a row"}
    ]


def test_every_row_is_an_article_a_copy_or_rejected():
    found = collect(*({"title": ["Bees", "Fog", "", "Bees"][n % 4]} for n in range(200)))
    assert found.rows == 200
    assert found.rejected.num_rows == 50
    assert {row["title"]: row["copies"] for row in found.table.to_pylist()} == {
        "Bees": 100,
        "Fog": 50,
    }


def test_no_rows_give_empty_tables_of_the_same_schema():
    found = collect()
    assert (found.table, found.rejected) == (ARTICLES.empty_table(), REJECTED.empty_table())
    assert (found.rows, found.unparsed_dates) == (0, 0)


# --- copies


def test_the_first_published_of_identical_articles_is_kept_and_counts_the_others():
    article = only(
        {"title": "Ferry docks", "date": "2024-06-05", "source": "Late"},
        {"title": " Ferry  docks", "summary": "nan", "source": "Undated"},
        {"title": "Ferry docks", "date": "2024-06-03T12:00:00Z", "source": "First"},
    )
    assert (article["copies"], article["venue"], article["published_at"]) == (3, "First", NOON)


def test_articles_that_differ_in_title_description_or_case_stay_apart():
    ids = collect(
        {"title": "Ferry docks"},
        {"title": "ferry docks"},
        {"title": "Ferry docks", "summary": "At noon"},
        {"title": "Ferry docks At noon"},
    ).table["doc_id"]
    assert len(set(ids.to_pylist())) == 4


def test_an_id_depends_on_title_and_description_alone_and_never_changes():
    article = only({"title": "Storm nears coast", "url": "a", "date": "2024", "source": "Post"})
    assert (
        article["doc_id"] == "5fe5895012c0c156"
    )  # users' collections hold ids, so they never change


def test_the_outlets_of_all_copies_are_kept_once_each_by_name():
    article = only(
        {"title": "Ferry docks", "source": "Post", "date": "2024-06-03"},
        {"title": "Ferry docks", "source": "Herald"},
        {"title": "Ferry docks", "source": "Post"},
        {"title": "Ferry docks"},
    )
    assert (article["venue"], article["venues"]) == ("Post", ["Herald", "Post"])
    assert only({"title": "Ferry docks"})["venues"] == []


def test_one_article_in_dumps_of_different_columns_is_one_with_all_its_outlets(tmp_path):
    (tmp_path / "a.csv").write_text("Headline;Teaser;Publisher\nFerry docks;At noon;Herald\n")
    (tmp_path / "b.jsonl").write_text(
        '{"title": "Ferry docks", "summary": "At noon", "pubDate": "Mon, 03 Jun 2024 12:00:00 GMT",'
        ' "source": {"name": "Post"}, "link": "https://post.example/1"}\n'
    )
    (article,) = collect_articles(find_dumps(tmp_path).rows()).table.to_pylist()
    assert (article["copies"], article["venues"]) == (2, ["Herald", "Post"])
    assert (article["dump"], article["published_at"]) == ("b.jsonl", NOON)
    assert article["url"] == "https://post.example/1"


def test_identical_articles_of_different_batches_are_all_counted():
    news = [{"title": f"Story {n % 700}", "source": f"Outlet {n % 3}"} for n in range(4200)]
    table = collect(*news).table
    assert table.num_rows == 700
    assert set(table["copies"].to_pylist()) == {6}
    assert {len(venues) for venues in table["venues"].to_pylist()} == {3}


# --- memory


def own_memory():
    """Megabytes that are not files mapped into memory."""
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("RssAnon:") + 1]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_memory_does_not_grow_with_the_dump():
    measured = []

    def rows():
        for n in range(12_000):
            yield Row("a.csv", n, {"title": f"Story {n}", "description": f"{n:09} " * 800})
            if n in {2_999, 11_999}:
                measured.append(own_memory())

    found = resolved(rows())
    measured.append(own_memory())
    assert found.table.num_rows == 12_000
    assert found.table["text"].nbytes > 90 << 20
    assert measured[1] - measured[0] < 45, "megabytes more, while 72 of texts came"
    assert measured[2] - measured[0] < 90, "the table's texts alone would be 190"


def test_a_full_disk_raises_with_the_setting_that_moves_the_files(tmp_path, monkeypatch):
    import resource

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    rows = (Row("a.csv", n, {"title": f"Story {n} " * 500}) for n in range(2000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(
            DiskSpaceError, match=f"{tmp_path}: can't write temporary files.*TMPDIR"
        ):
            resolved(rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))


# --- order


def rows_of_two_dumps():
    news = [
        {"title": f"Story {n % 17}", "date": f"2024-06-{1 + n % 3:02}" if n % 5 else None}
        for n in range(60)
    ]
    return [Row("ab"[n % 2], n, cells | {"venue": "Post"}) for n, cells in enumerate(news)]


def test_articles_come_by_date_then_id_undated_last():
    table = resolved(rows_of_two_dumps()).table
    never = datetime.max.replace(tzinfo=UTC)
    keys = [(row["published_at"] or never, row["doc_id"]) for row in table.to_pylist()]
    assert keys == sorted(keys)


def test_neither_the_order_of_rows_nor_the_names_of_dumps_change_the_table():
    rows = rows_of_two_dumps()
    table = resolved(rows).table.drop_columns("dump")
    for seed in range(5):
        other = [
            row._replace(dump={"a": "z", "b": "c"}[row.dump], number=number)
            for number, row in enumerate(shuffled(rows, seed))
        ]
        assert resolved(other).table.drop_columns("dump").equals(table)


@pytest.mark.parametrize("when", ["2024-06-03", None])
def test_which_of_two_copies_of_one_moment_is_kept_does_not_depend_on_names_of_dumps(when):
    cells = [{"title": "Ferry docks", "date": when, "url": u, "venue": u} for u in ("one", "two")]
    kept = {
        resolved([Row(a, 1, cells[0]), Row(b, 1, cells[1])]).table["url"][0].as_py()
        for a, b in [("a.csv", "b.csv"), ("z.csv", "b.csv")]
    }
    assert len(kept) == 1


def test_the_table_fed_back_as_a_dump_gives_the_same_articles(tmp_path):
    table = collect(*UNTIDY).table
    assert table.num_rows == len(UNTIDY)
    write_parquet(table, tmp_path / "raw_news.parquet")
    again = collect_articles(find_dumps(tmp_path / "raw_news.parquet").rows())
    assert again.table.drop_columns("dump").equals(table.drop_columns("dump"))
    assert again.rejected.num_rows == 0


# --- dates


@pytest.mark.parametrize("value", ["Mon, 03 Jun 2024 07:00:00 EST", "1717416000", 1717416000])
def test_dates_of_articles_are_parsed(value):
    assert only({"title": "Ferry docks", "published_at": value})["published_at"] == NOON


@pytest.mark.parametrize("text", ["yesterday", "03/06/24", "2024-13-45"])
def test_an_article_whose_date_cannot_be_parsed_is_undated_and_counted(text):
    found = collect({"title": "Ferry docks", "date": text}, {"title": "Bees", "date": "nan"})
    assert found.unparsed_dates == 1
    assert found.table["published_at"].to_pylist() == [None, None]


def test_dates_of_parquet_stay_what_they_are(tmp_path):
    frame = pd.DataFrame(
        {"title": ["Ferry docks"], "date": [pd.Timestamp("2024-06-03T14:00+02:00")]}
    )
    frame.to_parquet(tmp_path / "news.parquet")
    table = collect_articles(find_dumps(tmp_path / "news.parquet").rows()).table
    assert (
        pq.read_schema(tmp_path / "news.parquet").field("date").type != table["published_at"].type
    )
    assert table["published_at"].to_pylist() == [NOON]
