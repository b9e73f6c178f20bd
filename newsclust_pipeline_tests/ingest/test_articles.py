"""Rows become articles: what is cleaned, dated, folded and set aside, and what it may depend on."""

import json
import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core.errors import DiskSpaceError
from newsclust_pipeline.core.files import write_parquet
from newsclust_pipeline.ingest.articles import (
    ARTICLES,
    REJECTED,
    clean,
    collect_articles,
    doc_id,
    parse_dates,
    within,
)
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
    return collect_articles(Row(dump, n, cells) for n, cells in enumerate(news, start=1))


def only(*news):
    (article,) = collect(*news).table.to_pylist()
    return article


def date(text):
    (parsed,) = parse_dates(pd.Series([text]))
    return None if parsed is pd.NaT else parsed.to_pydatetime()


def shuffled(values, seed):
    return random.Random(seed).sample(values, len(values))  # noqa: S311 (no secret)


# --- text


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  Ferry \t runs\r\naground\u2003", "Ferry runs aground"),
        ("Fish &amp; chips &#8211; &quot;fresh&quot;", 'Fish & chips – "fresh"'),
        ("Fish &amp;amp;amp; chips", "Fish & chips"),
        ("AT&T buys R&D lab", "AT&T buys R&D lab"),
        ("Cafe\u0301", "Café"),
        ("a\0b\x07c", "a b c"),
        ("nan", None),
        (" NaN ", None),
        ("NULL", None),
        ("N/A", None),
        (float("nan"), None),
        (None, None),
        ("", None),
        ("&nbsp;", None),
        ("\u200b\u200d\ufeff", None),
        ("Nan bread wins prize", "Nan bread wins prize"),
        ("None of the above", "None of the above"),
        (451, "451"),
        ({"id": "post", "name": " The Post "}, "The Post"),
        ({"id": None, "name": None}, None),
        (b"Caf\xc3\xa9 opens", "Café opens"),  # Parquet without the mark that says text
    ],
)
def test_a_cell_gives_readable_text_or_nothing(raw, cleaned):
    assert clean(raw) == cleaned


@pytest.mark.parametrize(
    "raw",
    [
        *(row["title"] for row in UNTIDY),
        "&amp;lt;&#38;gt;",
        "&am&#112;;",
        "&hellip\u037e",  # normalising makes this Greek question mark a semicolon
    ],
)
def test_cleaning_twice_changes_nothing(raw):
    assert clean(clean(raw)) == clean(raw)


def test_what_is_left_can_be_written_in_utf8():
    article = only({"title": "Half a \ud83d pair", "source": "\udfff", "link": "h\ud800"})
    assert all(article[name].encode() for name in ("title", "venue", "url", "text"))


@pytest.mark.parametrize(
    "url",
    [
        "https://herald.example/a?id=1&region=north&section=2&timestamp=3&copy=1",
        "https://herald.example/a?x=%20y&lt=5#part",
    ],
)
def test_an_address_keeps_its_parameters(url):
    # html.unescape reads "&region" as "®ion" and "&section" as "§ion": entities without semicolon.
    assert only({"title": "Ferry docks", "url": url})["url"] == url


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


def test_a_newsapi_article_is_understood_with_its_nested_source():
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
    }


def test_an_empty_cell_of_the_better_column_gives_way_to_the_next():
    article = only({"title": "nan", "headline": "Bees swarm", "summary": "", "content": "In May"})
    assert (article["title"], article["description"]) == ("Bees swarm", "In May")


# --- rows set aside


@pytest.mark.parametrize("title", ["", "nan", None, "\u200b\ufeff", "&nbsp;", "\0", {"id": 1}])
def test_a_row_without_a_readable_title_is_set_aside_with_its_content(title):
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


def test_every_row_is_an_article_a_copy_or_set_aside():
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


def test_identical_articles_are_folded_into_the_first_published_and_counted():
    article = only(
        {"title": "Ferry docks", "date": "2024-06-05", "source": "Late"},
        {"title": " Ferry  docks", "summary": "nan", "source": "Undated"},
        {"title": "Ferry docks", "date": "2024-06-03T12:00:00Z", "source": "First"},
    )
    assert (article["copies"], article["venue"], article["published_at"]) == (3, "First", NOON)


def test_articles_that_differ_in_title_description_or_case_are_not_folded():
    ids = collect(
        {"title": "Ferry docks"},
        {"title": "ferry docks"},
        {"title": "Ferry docks", "summary": "At noon"},
        {"title": "Ferry docks At noon"},
    ).table["doc_id"]
    assert len(set(ids.to_pylist())) == 4


def test_an_id_depends_on_title_and_description_alone_and_never_changes():
    article = only({"title": "Storm nears coast", "url": "a", "date": "2024", "source": "Post"})
    assert article["doc_id"] == "5fe5895012c0c156"  # ids lie in people's collections: fixed forever


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


def test_copies_are_folded_across_batches_without_losing_one():
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
    told = []

    def rows():
        for n in range(12_000):
            yield Row("a.csv", n, {"title": f"Story {n}", "description": f"{n:09} " * 800})
            if n in {2_999, 11_999}:
                told.append(own_memory())

    found = collect_articles(rows())
    told.append(own_memory())
    assert found.table.num_rows == 12_000
    assert found.table["text"].nbytes > 90 << 20
    assert told[1] - told[0] < 45, "megabytes more, while 72 of texts came"
    assert told[2] - told[0] < 90, "the table's texts alone would be 190"


def test_a_full_disk_is_told_with_the_setting_that_moves_the_files(tmp_path, monkeypatch):
    import resource

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    rows = (Row("a.csv", n, {"title": f"Story {n} " * 500}) for n in range(2000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(DiskSpaceError, match=f"{tmp_path}: can't keep temporary files.*TMPDIR"):
            collect_articles(rows)
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
    table = collect_articles(rows_of_two_dumps()).table
    never = datetime.max.replace(tzinfo=UTC)
    keys = [(row["published_at"] or never, row["doc_id"]) for row in table.to_pylist()]
    assert keys == sorted(keys)


def test_neither_the_order_of_rows_nor_the_names_of_dumps_change_the_table():
    rows = rows_of_two_dumps()
    table = collect_articles(rows).table.drop_columns("dump")
    for seed in range(5):
        other = [
            row._replace(dump={"a": "z", "b": "c"}[row.dump], number=number)
            for number, row in enumerate(shuffled(rows, seed))
        ]
        assert collect_articles(other).table.drop_columns("dump").equals(table)


@pytest.mark.parametrize("when", ["2024-06-03", None])
def test_which_of_two_copies_of_one_moment_stays_does_not_depend_on_the_dumps_names(when):
    cells = [{"title": "Ferry docks", "date": when, "url": u, "venue": u} for u in ("one", "two")]
    kept = {
        collect_articles([Row(a, 1, cells[0]), Row(b, 1, cells[1])]).table["url"][0].as_py()
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


@pytest.mark.parametrize(
    "text",
    [
        "2024-06-03T12:00:00Z",
        "2024-06-03 12:00:00",
        "2024-06-03 12:00:00.000000",
        "2024-06-03T12:00:00.000+00:00",
        "2024-06-03T14:00:00+0200",
        "2024-06-03 12:00:00 UTC",
        "20240603T120000Z",
        "Mon, 03 Jun 2024 12:00:00 GMT",
        "Mon, 3 Jun 2024 08:00:00 -0400",
        "Mon, 03 Jun 2024 07:00:00 EST",  # RFC 2822 names these zones
        "Mon, 03 Jun 2024 05:00:00 PDT",
        "June 3, 2024 12:00 PM",
        "3 June 2024 12:00",
        "06/03/2024 12:00",
        "1717416000",
        "1717416000000",
        "1717416000.0",  # how pandas writes whole numbers in a column with gaps
        1717416000,
    ],
)
def test_a_date_is_read_in_whichever_form_it_comes(text):
    assert date(str(text)) == NOON
    assert only({"title": "Ferry docks", "published_at": text})["published_at"] == NOON


def test_forms_may_be_mixed_in_one_column_and_none_is_lost():
    forms = [
        "2024-06-03T12:00:00Z",
        "2024-06-03T12:00:00.000Z",
        "2024-06-03 12:00:00",
        "1717416000",
        "Mon, 03 Jun 2024 12:00:00 GMT",
        "20240603T120000Z",
    ]
    for seed in range(5):
        assert set(parse_dates(pd.Series(shuffled(forms, seed)))) == {NOON}


def test_fractions_of_seconds_are_kept_and_the_index_too():
    parsed = parse_dates(pd.Series(["2024-06-03T12:00:00.123456Z"], index=[41]))
    assert parsed[41] == NOON.replace(microsecond=123456)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "12:00",
        "Mon 3 Jun",
        "03/06/24",
        "2024-13-45",
        "10:30:00 +0000",  # the zone's four digits are no year
        "03 Jun 10:30 +0000",
        "Jun 3, 10:30:00.1234",
        "99999999999999999999",
    ],
)
def test_a_date_without_a_year_or_sense_is_not_guessed_at_but_counted(text):
    assert date(text) is None
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


DATED = ["2024-06-01", "2024-06-02", "2024-06-03", "2999-01-01", None]


@pytest.mark.parametrize(("days", "left"), [(None, 5), (1, 3), (2, 4), (1000, 5)])
def test_a_window_reaches_back_from_the_newest_article_and_keeps_undated_ones(days, left):
    table = collect(*({"title": f"T{i}", "date": day} for i, day in enumerate(DATED))).table
    kept = within(table, days)["title"].to_pylist()
    assert len(kept) == left
    assert {"T2", "T3", "T4"} <= set(kept)


@pytest.mark.parametrize("news", [[], [{"title": "Undated"}]])
def test_a_window_on_articles_without_dates_drops_nothing(news):
    table = collect(*news).table
    assert within(table, 1).equals(table)
