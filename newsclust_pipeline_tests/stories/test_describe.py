"""Labels → stories: headlines, keywords, counts and dates."""

import html
import re
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from markdown_it import MarkdownIt

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.stories.describe import STORIES, as_markdown, describe

DAY = datetime(2024, 4, 24, 9, 30, 0, 123456, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("doc_id", pa.string()),
        ("title", pa.string()),
        ("venue", pa.string()),
        ("venues", pa.list_(pa.string())),
        ("url", pa.string()),
        ("language", pa.string()),
        ("published_at", pa.timestamp("us", tz="UTC")),
        ("text", pa.string()),
        ("copies", pa.int32()),
        ("label", pa.int32()),
        ("persistence", pa.float64()),
        ("story_id", pa.string()),
        ("silhouette", pa.float64()),
        ("topic_id", pa.string()),
        ("area_id", pa.string()),
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
        "silhouette": 0.0 if label == NOISE else 0.5,
        "topic_id": None if label == NOISE else "s0",
        "area_id": None if label == NOISE else "s0",
    }
    row |= changes
    return {"text": row["title"]} | row


def documents(*rows):
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def describe_rows(*rows):
    return describe(documents(*rows), vectors(len(rows))).to_pylist()


def vectors(count):
    """The first is the medoid."""
    turned = np.linspace(0, 0.5, count) * (-1) ** np.arange(count)
    return np.column_stack([np.cos(turned), np.sin(turned)]).astype(np.float32)


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
    assert describe_rows(*rows) == [
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
            "short_title": "Ferry fire",
            "kind": "event",
            "languages": [],
            "cohesion": 0.5,
            "topic_id": "s0",
            "topic": "Ferry fire",
            "area_id": "s0",
            "area": "Ferry fire",
        }
    ]


def test_keywords_are_those_of_the_embedded_text():
    rows = [document(text=f"Ferry fire {n}\nSubscribe to the Lantern") for n in range(3)]
    table = documents(*rows, document(NOISE, title="Otters return"))
    embedded = pa.array([*(f"Ferry fire {n}" for n in range(3)), None], pa.string())
    (story,) = describe(table.append_column("embedded_text", embedded), vectors(4)).to_pylist()
    assert story["keywords"] == ["Ferry fire"]


def exemplar(*titles, angles=(0, 0.1, -0.2)):
    rows = [document(title=title, doc_id=f"d{row}") for row, title in enumerate(titles)]
    turned = np.array(angles[: len(rows)])
    points = np.column_stack([np.cos(turned), np.sin(turned)]).astype(np.float32)
    [story] = describe(documents(*rows), points).to_pylist()
    return story["exemplar_doc_id"]


def test_the_exemplar_is_the_medoid():
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


def test_the_first_of_equally_central_documents_is_the_exemplar():
    assert exemplar("Ferry fire one", "Ferry fire two", angles=(0.3, -0.7)) == "d0"
    assert exemplar("Ferry fire", "Ferry fire off", "Fire", angles=(0.5, 0.5, 0.5)) == "d0"


def test_an_off_topic_or_overlong_headline_is_not_the_title():
    assert exemplar("Live updates", "Ferry fire off coast", "Ferry fire kills") == "d1"
    long = "Ferry fire, and then " + "all that the captain said of it " * 5
    assert exemplar(long, "Ferry fire off coast", "Ferry fire kills") == "d1"
    assert exemplar("Live updates", "Watch this", "What else") == "d0", "if no headline is better"


def test_stories_come_largest_first():
    labels = [2, 0, 1, 0, 0, NOISE, NOISE, NOISE, NOISE, 1]
    stories = describe_rows(*map(document, labels))
    assert [(story["label"], story["size"]) for story in stories] == [(0, 3), (1, 2), (2, 1)]


def test_recurring_columns_come_after_events():
    column = [
        document(
            0, title=f"Lottery results {day} April", venue="Wire", published_at=DAY.replace(day=day)
        )
        for day in range(1, 9)
    ]
    event = [document(1, title="Nurse wins the lottery jackpot", venue=v) for v in "abc"]
    stories = describe_rows(*column, *event)
    assert [(s["label"], s["kind"], s["size"]) for s in stories] == [
        (1, "event", 3),
        (0, "column", 8),
    ]


def test_languages_are_counted_the_most_frequent_first_and_unknown_ones_omitted():
    rows = [document(language=code) for code in ("fr", "en", "fr", None)]
    [story] = describe_rows(*rows, document(NOISE, language="de"))
    assert story["languages"] == [
        {"language": "fr", "articles": 2},
        {"language": "en", "articles": 1},
    ]
    table = documents(*rows).drop_columns("language")
    assert describe(table, vectors(4)).to_pylist()[0]["languages"] == []


def test_a_plain_statement_is_preferred_and_labels_are_removed():
    assert exemplar("What the ferry fire means", "Ferry fire off coast", "Ferry fire") == "d1"
    assert exemplar("LIVE: ferry fire spreads", "Ferry fire kills two", "Ferry fire") == "d1"
    rows = [document(title="WATCH: ferry fire spreads | The Lantern") for _ in range(3)]
    [story] = describe_rows(*rows)
    assert story["title"] == "ferry fire spreads"


def test_title_and_keywords_are_in_the_main_language_of_the_story():
    french = [document(title=f"Incendie du ferry {n}", language="fr") for n in range(2)]
    english = [document(title=f"Ferry blaze report {n}", language="en") for n in range(3)]
    [story] = describe_rows(*french, *english)
    assert story["title"].startswith("Ferry blaze")
    assert "Incendie" not in " ".join(story["keywords"])
    assert story["keywords"]


def test_keywords_are_taken_from_the_text_without_boilerplate():
    rows = [
        document(
            title=f"Ferry fire {n}", text=f"Ferry fire {n}\nSubscribe now to the Lantern newsletter"
        )
        for n in range(3)
    ]
    table = documents(*rows)
    shown = describe(table, vectors(3)).to_pylist()[0]["keywords"]
    assert any("newsletter" in keyword for keyword in shown)
    embedded = pa.array(["Ferry fire 0", "Ferry fire 1", None], pa.string())
    table = table.append_column("embedded_text", embedded)
    assert "newsletter" not in " ".join(describe(table, vectors(3)).to_pylist()[0]["keywords"])


def test_unknown_outlets_and_dates_are_not_counted():
    rows = [document(venues=[], published_at=None), document(venues=[])]
    [story] = describe_rows(*rows)
    assert (story["outlets"], story["first_published"], story["last_published"]) == (0, DAY, DAY)
    [story] = describe_rows(document(published_at=None), document(published_at=None))
    assert (story["first_published"], story["last_published"]) == (None, None)


@pytest.mark.parametrize("rows", [[], [document(NOISE), document(NOISE)]], ids=["none", "noise"])
def test_without_stories_the_table_is_empty_and_of_the_same_schema(rows):
    table = describe(documents(*rows), vectors(len(rows)))
    assert table.num_rows == 0
    assert table.schema == STORIES
    assert describe(documents(document()), vectors(1)).schema == STORIES


def test_the_markdown_table_has_the_largest_stories_up_to_the_limit():
    rows = [document(label, title=f"Ferry{label}") for label in range(5) for _ in range(9 - label)]
    lines = as_markdown(describe(documents(*rows), vectors(len(rows))), rows=2).splitlines()
    assert lines[2:] == [
        "| 9 | 1 | Ferry0 | Ferry0 | event |",
        "| 8 | 1 | Ferry1 | Ferry1 | event |",
    ]
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
def test_a_headline_is_shown_in_markdown_as_it_was_written(title):
    table = as_markdown(describe(documents(document(title=title)), vectors(1)))
    # Strikethrough is GitHub's, as are tables: the dialect that Dagster's UI renders.
    shown = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(table)
    cells = re.findall("<td[^>]*>(.*?)</td>", shown)
    assert len(cells) == 5
    assert html.unescape(cells[2]) == title  # with tags in it, this would not be so


def test_stories_have_cohesion_topic_and_area():
    rows = [document(doc_id=f"a{n}", title="Ferry fire off Vesterglans") for n in range(3)]
    rows += [
        document(1, doc_id=f"b{n}", title="Ferry crew praised", silhouette=0.3) for n in (1, 2)
    ]
    rows += [document(2, doc_id="c", title="Budget vote delayed", topic_id="s2", area_id="s2")]
    first, second, third = describe_rows(*rows, document(NOISE, doc_id="d", silhouette=0.0))
    assert [s["cohesion"] for s in (first, second, third)] == pytest.approx([0.5, 0.3, 0.5])
    assert [s["topic_id"] for s in (first, second, third)] == ["s0", "s0", "s2"]
    assert first["topic"] == second["topic"]
    assert "ferry" in first["topic"].lower()
    assert third["topic"] == third["area"] != first["topic"]


def test_names_of_topics_have_no_stop_words_of_their_language():
    german = ["Der Brand auf der Insel", "Auf der Insel der Brand", "Der Sturm auf der Insel"]
    rows = [document(language="de", title=title) for title in german]
    rows += [document(NOISE, language="en", title=f"Budget vote {n} delayed") for n in range(9)]
    [story] = describe_rows(*rows)
    words = set(story["topic"].lower().replace(",", "").split())
    assert "insel" in words
    assert not words & {"der", "auf"}


def test_doubtful_stories_come_last():
    rows = [document(0, doc_id=f"a{n}", silhouette=0.05) for n in range(3)]
    rows += [document(1, doc_id=f"b{n}", title="Budget vote", silhouette=0.4) for n in range(2)]
    assert [s["label"] for s in describe_rows(*rows)] == [1, 0]
