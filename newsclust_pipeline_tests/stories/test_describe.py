"""Labels → stories: headlines, counts and dates, and tables joined by id."""

import html
import re
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from markdown_it import MarkdownIt

from newsclust_pipeline.cluster.hdbscan import NOISE, Clusters
from newsclust_pipeline.cluster.nearest_story import Nearest
from newsclust_pipeline.core.tables import join
from newsclust_pipeline.stories.describe import (
    STORIES,
    as_markdown,
    describe,
    labels_table,
    noise_share,
    with_nearest,
)

DAY = datetime(2024, 4, 24, 9, 30, 0, 123456, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("doc_id", pa.string()),
        ("title", pa.string()),
        ("venues", pa.list_(pa.string())),
        ("published_at", pa.timestamp("us", tz="UTC")),
        ("text", pa.string()),
        ("copies", pa.int32()),
        ("label", pa.int32()),
        ("persistence", pa.float64()),
        ("story_id", pa.string()),
    ]
)


def document(label=0, **changes):
    row = {
        "doc_id": "d0",
        "title": "Ferry fire off Vesterglans",
        "venues": ["The Lantern"],
        "published_at": DAY,
        "label": label,
        "copies": 1,
        "persistence": None if label == NOISE else 0.25,
        "story_id": None if label == NOISE else f"s{label}",
    }
    row |= changes
    return {"text": row["title"]} | row


def documents(*rows):
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def described(*rows):
    return describe(documents(*rows), vectors(len(rows))).to_pylist()


def vectors(count):
    """The first is the one in the middle."""
    turned = np.linspace(0, 0.5, count) * (-1) ** np.arange(count)
    return np.column_stack([np.cos(turned), np.sin(turned)]).astype(np.float32)


def clusters(*labels):
    labels = np.array(labels, dtype=np.int32)
    return Clusters(
        labels, np.where(labels == NOISE, 0.0, 0.75), np.full(len({*labels} - {NOISE}), 0.5)
    )


def ids(*names):
    return np.array(names, dtype=np.str_)


def test_labels_probabilities_and_ids_stand_in_the_rows_of_their_documents():
    table = labels_table(ids("a", "b", "c", "d"), clusters(1, NOISE, 0, 1), ["sc", "sa"])
    types = [pa.string(), pa.int32(), pa.float64(), pa.string(), pa.float64()]
    assert table.schema.types == types
    assert table.to_pydict() == {
        "doc_id": ["a", "b", "c", "d"],
        "label": [1, NOISE, 0, 1],
        "probability": [0.75, 0.0, 0.75, 0.75],
        "story_id": ["sa", None, "sc", "sa"],
        "persistence": [0.5, None, 0.5, 0.5],
    }


def test_the_nearest_story_stands_beside_documents_in_none():
    labels = labels_table(ids("a", "b", "c"), clusters(0, 0, NOISE), ["sa"])
    nearest = Nearest(np.array([NOISE, NOISE, 0]), np.array([np.nan, np.nan, 0.5]))
    table = with_nearest(labels, nearest).to_pydict()
    assert table["nearest_story_id"] == [None, None, "sa"]
    assert table["nearest_story_strength"] == [None, None, 0.5]
    assert table["label"][2] == NOISE, "it stays in none"


@pytest.mark.parametrize("labels", [(), (NOISE,), (NOISE, NOISE, NOISE)])
def test_without_stories_every_id_is_null_and_its_column_still_text(labels):
    table = labels_table(ids(*"abc"[: len(labels)]), clusters(*labels), [])
    assert table["story_id"].to_pylist() == [None] * len(labels)
    assert table["story_id"].type == pa.string()
    assert table["doc_id"].type == pa.string()


def test_tables_join_by_doc_id_not_by_position():
    documents = pa.table({"doc_id": ["a", "b", "c"], "title": ["A", "B", "C"]})
    labels = pa.table({"doc_id": ["c", "a", "b"], "label": [3, 1, 2]})
    places = pa.table({"doc_id": ["b", "c", "a", "left"], "x": [0.2, 0.3, 0.1, 9.9]})
    assert join(documents, labels, places).to_pydict() == {
        "doc_id": ["a", "b", "c"],
        "title": ["A", "B", "C"],
        "label": [1, 2, 3],
        "x": [0.1, 0.2, 0.3],
    }


def test_a_document_that_a_stage_lacks_stops_the_join_with_count_and_remedy():
    documents = pa.table({"doc_id": ["a", "b", "c"]})
    labels = pa.table({"doc_id": ["b"], "label": [2]})
    with pytest.raises(ValueError, match=r"2 of 3 documents are missing.*Materialise all assets"):
        join(documents, labels)


def test_empty_tables_join():
    none = pa.table({"doc_id": pa.array([], pa.string())})
    labels = pa.table({"doc_id": pa.array([], pa.string()), "label": pa.array([], pa.int32())})
    assert join(none, labels).column_names == ["doc_id", "label"]


def test_a_story_is_counted_dated_and_named():
    early, late = DAY.replace(day=20), DAY.replace(day=27)
    two = ["The Lantern", "Vesterglans Post"]
    rows = [
        document(title="Ferry fire", venues=two, doc_id="d1", copies=3),
        document(title="Ferry fire kills", venues=["The Lantern"], published_at=late),
        document(title="Fire aboard", venues=["The Lantern"], published_at=early),
        document(title="Ferry fire, undated", venues=["The Lantern"], published_at=None),
        document(NOISE, title="Otters return", venues=["Mirren Echo"]),
    ]
    assert described(*rows) == [
        {
            "story_id": "s0",
            "label": 0,
            "title": "Ferry fire",
            "title_source": "headline",
            "keywords": ["Ferry fire"],
            "size": 4,
            "copies": 6,
            "outlets": 2,
            "first_published": early,
            "last_published": late,
            "exemplar_doc_id": "d1",
            "persistence": 0.25,
            "per_day": [{"day": d.date(), "articles": 1} for d in (early, DAY, late)],
        }
    ]


def exemplar(*titles, angles=(0, 0.1, -0.2)):
    rows = [document(title=title, doc_id=f"d{row}") for row, title in enumerate(titles)]
    turned = np.array(angles[: len(rows)])
    points = np.column_stack([np.cos(turned), np.sin(turned)]).astype(np.float32)
    [story] = describe(documents(*rows), points).to_pylist()
    return story["exemplar_doc_id"]


def test_the_exemplar_is_the_document_nearest_to_all_others():
    same = ["Ferry fire one", "Ferry fire two", "Ferry fire three"]
    assert exemplar(*same) == "d0"
    assert exemplar(*same, angles=(0.4, 0, -0.3)) == "d1"
    rng = np.random.default_rng(1)
    points = rng.normal(size=(60, 5)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    rows = [document(title="Ferry fire", doc_id=f"d{row}") for row in range(60)]
    [story] = describe(documents(*rows), points).to_pylist()
    squares = ((points[:, None] - points[None]) ** 2).sum(-1).sum(-1)
    assert story["exemplar_doc_id"] == f"d{squares.argmin()}"


def test_of_equally_near_documents_the_first_is_the_exemplar():
    assert exemplar("Ferry fire one", "Ferry fire two", angles=(0.3, -0.7)) == "d0"
    assert exemplar("Ferry fire", "Ferry fire off", "Fire", angles=(0.5, 0.5, 0.5)) == "d0"


def test_a_headline_that_says_nothing_of_the_story_or_far_too_much_is_not_its_title():
    assert exemplar("Live updates", "Ferry fire off coast", "Ferry fire kills") == "d1"
    long = "Ferry fire, and then " + "all that the captain said of it " * 5
    assert exemplar(long, "Ferry fire off coast", "Ferry fire kills") == "d1"
    assert exemplar("Live updates", "Morning news", "What else") == "d0", "where none is better"


def test_stories_come_largest_first():
    labels = [2, 0, 1, 0, 0, NOISE, NOISE, NOISE, NOISE, 1]
    found = described(*map(document, labels))
    assert [(story["label"], story["size"]) for story in found] == [(0, 3), (1, 2), (2, 1)]


def test_what_is_unknown_is_not_counted_as_an_outlet_or_a_date():
    rows = [document(venues=[], published_at=None), document(venues=[])]
    [story] = described(*rows)
    assert (story["outlets"], story["first_published"], story["last_published"]) == (0, DAY, DAY)
    [story] = described(document(published_at=None), document(published_at=None))
    assert (story["first_published"], story["last_published"]) == (None, None)


@pytest.mark.parametrize("rows", [[], [document(NOISE), document(NOISE)]], ids=["none", "noise"])
def test_without_stories_the_table_is_empty_and_of_the_same_schema(rows):
    table = describe(documents(*rows), vectors(len(rows)))
    assert table.num_rows == 0
    assert table.schema == STORIES
    assert describe(documents(document()), vectors(1)).schema == STORIES


@pytest.mark.parametrize(
    ("labels", "share"), [([], 0), ([0, 0], 0), ([NOISE, 0, NOISE, 0], 0.5), ([NOISE], 1)]
)
def test_the_noise_share_is_that_of_documents_in_no_story(labels, share):
    assert noise_share(pa.table({"label": pa.array(labels, pa.int32())})) == share


def test_the_markdown_table_has_the_largest_stories_and_no_more_rows_than_asked_for():
    rows = [document(label, title=f"Ferry{label}") for label in range(5) for _ in range(9 - label)]
    lines = as_markdown(describe(documents(*rows), vectors(len(rows))), rows=2).splitlines()
    assert lines[2:] == ["| 9 | 1 | Ferry0 | Ferry0 |", "| 8 | 1 | Ferry1 | Ferry1 |"]
    assert len(as_markdown(describe(documents(), vectors(0))).splitlines()) == 2


@pytest.mark.parametrize(
    "title",
    [
        "Ferry fire",
        "Profits < losses > hopes",
        "Bread & roses",
        "What &amp; means",
        "Odds 3|1 for the otter",
        "*Bold* _claims_ `here` ~~gone~~",
        "[Vesterglans](https://lantern.example)",
        "<script>alert(1)</script>",
        r"C:\ferry \* \| \\",
        "![picture](x.png)",
    ],
)
def test_a_headline_reads_in_markdown_as_it_was_written(title):
    table = as_markdown(describe(documents(document(title=title)), vectors(1)))
    # Strikethrough is GitHub's, as are tables: the dialect that Dagster's UI renders.
    shown = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(table)
    cells = re.findall("<td[^>]*>(.*?)</td>", shown)
    assert len(cells) == 4
    assert html.unescape(cells[2]) == title  # with tags in it, this would not be so
