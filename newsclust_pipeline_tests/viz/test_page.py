"""The map page as text: what is in it, what can't get out of it, and that it never varies."""

import base64
import hashlib
import json
import re
import zlib
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.viz import page
from newsclust_pipeline.viz.page import build_page

HARBOUR, ORCHARD, NOISE = 7, 3, -1  # labels: neither dense nor in the order of the table
DAY = datetime(2024, 4, 24, 9, tzinfo=UTC)
LATER = datetime(2024, 4, 26, 23, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("doc_id", pa.string()),
        ("title", pa.string()),
        ("description", pa.string()),
        ("venue", pa.string()),
        ("url", pa.string()),
        ("published_at", pa.timestamp("us", "UTC")),
        ("copies", pa.int64()),
        ("label", pa.int64()),
        ("probability", pa.float64()),
        ("x", pa.float64()),
        ("y", pa.float64()),
    ]
)
STORY_SCHEMA = pa.schema(
    [
        ("story_id", pa.string()),
        ("label", pa.int64()),
        ("title", pa.string()),
        ("size", pa.int64()),
        ("outlets", pa.int64()),
        ("first_published", pa.timestamp("us", "UTC")),
        ("last_published", pa.timestamp("us", "UTC")),
    ]
)


def document(number=0, **changes):
    row = {
        "doc_id": f"d{number}",
        "title": f"Headline {number}",
        "description": "What happened at the harbour.",
        "venue": "The Lantern",
        "url": f"https://lantern.example/{number}",
        "published_at": DAY,
        "copies": 1,
        "label": HARBOUR,
        "probability": 1.0,
        "x": float(number),
        "y": float(number % 3),
    }
    return row | changes


def story(label=HARBOUR, **changes):
    row = {
        "story_id": f"s{label}",
        "label": label,
        "title": "Harbour bridge reopens",
        "size": 3,
        "outlets": 2,
        "first_published": DAY,
        "last_published": LATER,
    }
    return row | changes


def points_of(*rows):
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def stories_of(*rows):
    return pa.Table.from_pylist(list(rows), schema=STORY_SCHEMA)


def build(documents, stories=(), facts=None):
    return build_page(points_of(*documents), stories_of(*stories), facts or {})


def unpacked(block):
    return zlib.decompress(base64.b64decode(block)).decode()


class Reader(HTMLParser):
    """Every start tag with its attributes, and the text of each script, style and data block."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.blocks, self.text = [], {}, []
        self._open = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self._open = dict(attrs).get("id") or dict(attrs).get("type") or f"plain {tag}"
            self.blocks[self._open] = ""

    def handle_endtag(self, tag):
        if tag in {"script", "style"}:
            self._open = None

    def handle_data(self, data):
        if self._open:
            self.blocks[self._open] += data
        else:
            self.text.append(data)

    def json(self, name):
        return json.loads(self.blocks[name])

    def articles(self):
        return json.loads(unpacked(self.blocks["articles"]))

    def visible(self):
        return " ".join("".join(self.text).split())  # no-break spaces become plain ones


@pytest.fixture
def mixed():
    """Two stories and one document in none, the noise not first."""
    return build(
        [
            document(0),
            document(1, label=NOISE, title="Alone"),
            document(2, label=ORCHARD, title="Apples", venue="Daily Pear", copies=4),
            document(3),
            document(4),
        ],
        [story(HARBOUR), story(ORCHARD, title="Orchard frost", size=1, outlets=1)],
        {"embedder": "minilm", "k": "50"},
    )


def test_summary_counts_articles_stories_and_noise(mixed):
    assert "5 articles · 2 stories · 20 % in no story" in Reader(mixed).visible()


def test_two_webgl_traces_noise_beneath(mixed):
    figure = Reader(mixed).json("figure")
    assert [trace["type"] for trace in figure["data"]] == ["scattergl", "scattergl"]
    assert [count(trace["x"]) for trace in figure["data"]] == [1, 4]
    assert not figure["layout"]["xaxis"]["visible"]


def count(packed):
    """Numbers in a Plotly column: base64 with its type, or a plain list when empty."""
    if isinstance(packed, list):
        return len(packed)
    return len(base64.b64decode(packed["bdata"])) // int(packed["dtype"][1:])


def test_rows_of_the_cards_follow_the_traces(mixed):
    articles = Reader(mixed).articles()
    assert articles["noise"] == 1
    assert articles["title"] == ["Alone", "Headline 0", "Apples", "Headline 3", "Headline 4"]
    assert articles["story"] == [-1, 0, 1, 0, 0]
    assert articles["storyTitle"] == ["Harbour bridge reopens", "Orchard frost"]
    assert articles["copies"] == [1, 1, 4, 1, 1]


def test_venues_are_told_once_and_times_in_minutes(mixed):
    articles = Reader(mixed).articles()
    assert articles["venues"] == ["The Lantern", "Daily Pear"]
    assert articles["venue"] == [0, 0, 1, 0, 0]
    assert set(articles["time"]) == {int(DAY.timestamp()) // 60}


def test_stories_are_told_as_the_table_shows_them(mixed):
    articles = Reader(mixed).articles()
    assert articles["storySize"] == [3, 1]
    assert articles["storyOutlets"] == [2, 1]
    assert articles["storyFirst"] == [int(DAY.timestamp()) // 60] * 2
    assert articles["storyLast"] == [int(LATER.timestamp()) // 60] * 2
    assert articles["storyKeywords"] == [[], []]
    assert articles["storyCopies"] == [None, None]


def test_keywords_and_copies_of_stories_are_told_where_they_are_known():
    stories = stories_of(story(), story(ORCHARD))
    stories = stories.append_column("keywords", pa.array([["ferry", "bri\u202edge"], None]))
    stories = stories.append_column("copies", pa.array([9, 1]))
    articles = Reader(build_page(points_of(document()), stories, {})).articles()
    assert articles["storyKeywords"] == [["ferry", "bridge"], []]
    assert articles["storyCopies"] == [9, 1]


def test_a_trend_counts_a_storys_articles_from_the_first_to_the_last_day_of_all():
    days = [0, 0, 1, 23, 24]
    rows = [
        document(n, published_at=DAY + timedelta(days=day), label=HARBOUR if n else ORCHARD)
        for n, day in enumerate(days)
    ]
    rows += [document(5, published_at=None), document(6, label=NOISE)]
    articles = Reader(build(rows, [story(HARBOUR), story(ORCHARD)])).articles()
    harbour, orchard = articles["storyTrend"]
    assert harbour == [1, 1] + [0] * 21 + [2]
    assert orchard == [1] + [0] * 23


def test_more_copies_make_a_larger_marker():
    table = points_of(document(copies=1), document(copies=8), document(copies=10**9))
    once, often, endless = page._marker_sizes(table)
    assert once < often <= endless < 3 * once


def test_facts_keep_their_order(mixed):
    assert mixed.index("<dt>embedder</dt>") < mixed.index("<dt>k</dt>")


def test_same_arguments_same_bytes(mixed):
    arguments = [document(n) for n in range(20)], [story()], {"k": "50"}
    assert build(*arguments) == build(*arguments)


# --- nothing leaves the page, nothing gets in ---------------------------------------------------


def test_policy_allows_only_what_the_page_holds(mixed):
    reader = Reader(mixed)
    (policy,) = [a["content"] for t, a in reader.tags if a.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-inline" not in policy
    assert "http" not in policy
    blocks = reader.blocks
    for code in (blocks["module"], blocks["plain style"], unpacked(blocks["plotly"])):
        digest = hashlib.sha256(code.encode()).digest()
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in policy


def test_scripts_of_the_page_import_nothing(mixed):
    script = Reader(mixed).blocks["module"]
    assert not re.search(r"^\s*(import|export)\b|\bimport\(", script, flags=re.MULTILINE)


def test_page_loads_nothing(mixed):
    for tag, attrs in Reader(mixed).tags:
        assert "src" not in attrs, tag
        assert attrs.get("href", "data:,") == "data:,", tag


def test_no_inline_style_or_handler(mixed):
    """The policy refuses both: they would be silently without effect."""
    for _, attrs in Reader(mixed).tags:
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]


@pytest.mark.parametrize(
    "evil",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        '<img src=x onerror="alert(1)">',
        "\"'><b>bold</b>",
        "$policy ${script} $$",
        "\u202egnp.exe\u2066",
        "line\u2028line\r\nnull\x00end",
    ],
)
def test_hostile_text_adds_no_element(evil):
    rows = {"title": evil, "description": evil, "venue": evil}
    text = build([document(**rows)], [story(title=evil)], {evil: evil})
    reader = Reader(text)
    tame = Reader(build([document()], [story()], {"a": "b"}))
    assert [tag for tag, _ in reader.tags] == [tag for tag, _ in tame.tags]
    articles = reader.articles()
    shown = page._shown(evil)
    assert articles["title"] == [shown]
    assert articles["venues"] == [shown]
    assert articles["storyTitle"] == [shown]


def test_nothing_shown_turns_the_direction_of_what_follows():
    evil = "\u202ecod.exe\u202c \u2066a\u2069\x1b[31m"
    rows = {"title": evil, "description": evil, "venue": evil}
    text = build([document(**rows)], [story(title=evil)], {"embedder": evil})
    told = unpacked(Reader(text).blocks["articles"]) + Reader(text).visible()
    assert "cod.exe a[31m" in told
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", told)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://lantern.example/a?b=1&c", True),
        (" HTTP://lantern.example ", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,<script>", False),
        ("//lantern.example", False),
        ("file:///etc/passwd", False),
        ("", False),
        (None, False),
    ],
)
def test_only_web_addresses_can_be_opened(url, kept):
    articles = Reader(build([document(url=url)], [story()])).articles()
    assert articles["url"] == [url.strip() if kept else None]


# --- the edges ----------------------------------------------------------------------------------


def test_no_documents():
    text = build([])
    reader = Reader(text)
    assert "0 articles · 0 stories" in reader.visible()
    assert "No articles yet" in reader.visible()
    assert reader.json("figure") is None
    assert len(text) < 100_000  # no plotly.js for nothing


def test_no_stories_all_noise():
    reader = Reader(build([document(0, label=NOISE), document(1, label=NOISE)]))
    assert "2 articles · 0 stories · 100 % in no story" in reader.visible()
    assert [count(trace["x"]) for trace in reader.json("figure")["data"]] == [2, 0]


def test_no_noise_hides_its_switch():
    reader = Reader(build([document(0), document(1)], [story()]))
    assert "2 articles · 1 story · 0 % in no story" in reader.visible()
    (switch,) = [attrs for _, attrs in reader.tags if attrs.get("class") == "switch"]
    assert "hidden" in switch


def test_one_document_has_a_map_around_it():
    reader = Reader(build([document(0, x=5.0, y=-2.0)], [story(size=1)]))
    (left, right), (bottom, top) = reader.articles()["home"]
    assert left < 5 < right
    assert bottom < -2 < top
    assert "1 article · 1 story" in reader.visible()


def test_a_story_without_a_title_still_has_a_name():
    reader = Reader(build([document()], [story(title=None)]))
    assert reader.articles()["storyTitle"] == ["Untitled"]


def test_missing_dates_venues_and_texts():
    nothing = {"published_at": None, "venue": None, "description": None, "url": None}
    reader = Reader(
        build([document(**nothing)], [story(first_published=None, last_published=None)])
    )
    articles = reader.articles()
    assert articles["venue"] == articles["time"] == articles["snippet"] == [None]
    assert articles["venues"] == articles["storyTrend"] == []
    assert articles["storyFirst"] == articles["storyLast"] == [None]


def test_columns_without_a_type_are_empty_columns():
    table = points_of(document())
    for name in ("venue", "published_at", "description", "url"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pa.nulls(1))
    articles = Reader(build_page(table, stories_of(story()), {})).articles()
    assert articles["time"] == [None]


def test_a_story_that_is_not_on_the_map_zooms_to_all_of_it():
    articles = Reader(build([document(0), document(1, x=9.0)], [story(ORCHARD)])).articles()
    (x, y), (home_x, home_y) = articles["storyBox"][0], articles["home"]
    assert x[0] <= home_x[0] < home_x[1] <= x[1]
    assert y[0] <= home_y[0] < home_y[1] <= y[1]


def test_a_missing_column_is_named():
    with pytest.raises(KeyError, match="venue"):
        build_page(points_of(document()).drop_columns("venue"), stories_of(story()), {})


def test_map_in_space_has_equal_axes():
    table = points_of(document(0), document(1, x=40.0), document(2, label=NOISE))
    table = table.append_column("z", pa.array([0.0, 1.0, 2.0]))
    figure = Reader(build_page(table, stories_of(story()), {})).json("figure")
    assert [trace["type"] for trace in figure["data"]] == ["scatter3d", "scatter3d"]
    scene = figure["layout"]["scene"]
    lengths = {
        round(high - low, 6) for low, high in (scene[f"{axis}axis"]["range"] for axis in "xyz")
    }
    assert len(lengths) == 1
    assert scene["aspectmode"] == "cube"


# --- small parts --------------------------------------------------------------------------------


def test_neighbouring_stories_differ_in_hue():
    reader = Reader(
        build(
            [document(n, label=n, x=float(n % 6), y=float(n // 6)) for n in range(36)],
            [story(n, size=1) for n in range(36)],
        )
    )
    hue = reader.articles()["storyHue"]
    assert set(hue) == set(range(page.HUES))
    for n in range(36):
        if n % 6:
            assert hue[n] != hue[n - 1]
        if n >= 6:
            assert hue[n] != hue[n - 6]


def test_the_style_names_every_hue_for_both_schemes():
    style = page._file("page.css")
    for hue in range(page.HUES):
        assert re.search(rf"--hue-{hue}: light-dark\(#[0-9a-f]{{6}}, #[0-9a-f]{{6}}\);", style)
        assert f".hue-{hue} {{ --hue: var(--hue-{hue}); }}" in style


def test_snippet_is_cut_between_words():
    cut = page._snippet("word, " * 100)
    assert len(cut) <= page.SNIPPET + 1
    assert cut.endswith("word…")


def test_snippet_without_spaces_is_still_cut():
    assert page._snippet("語" * 400) == "語" * page.SNIPPET + "…"


def test_snippets_are_shorter_where_there_are_many(monkeypatch):
    monkeypatch.setattr(page, "SNIPPETS", 120)
    rows = [document(n, description="word " * 100) for n in range(6)]
    assert Reader(build(rows)).articles()["snippet"] == ["word word word word…"] * 6


def test_documents_in_one_place_are_told_apart_and_the_others_stay():
    rows = [document(n, x=1.0, y=2.0) for n in range(30)] + [document(30, x=50.0, y=2.0)]
    places = page._apart(page._coordinates(points_of(*rows)))
    assert len(np.unique(places, axis=0)) == 31
    assert places[0].tolist() == [1, 2]
    assert places[30].tolist() == [50, 2]
    assert np.abs(places[:30] - [1, 2]).max() < 0.01 * 49
    nearest = np.hypot(*(places[:30, None] - places[None, :30] + np.eye(30)[..., None]).T)
    assert nearest.min() > 0.5 * page.APART * 49


def test_facts_can_be_added_by_run_and_taken_out_again(mixed):
    signed = page.sign(mixed, {"run": "<b>1"})
    assert "<dt>run</dt><dd><bdi>&lt;b&gt;1</bdi></dd>" in signed
    assert page.sign(signed, {}) == mixed


# --- more documents than a browser draws well -----------------------------------------------------


def crowd():
    return [document(n, label=HARBOUR if n < 10 else NOISE) for n in range(40)]


def test_a_sample_is_told_in_the_footer_and_the_whole_in_the_head():
    facts = {"embedder": "minilm"}
    reader = Reader(build_page(points_of(*crowd()), stories_of(story(size=10)), facts, limit=20))
    said = reader.visible()
    assert "40 articles · 1 story · 75 % in no story" in said
    assert (
        "the map shows 20 of them: every story, with 10 of 10 articles, and 10 of 30 in no story"
        in said
    )
    articles = reader.articles()
    assert articles["sampled"]
    assert len(articles["title"]) == 20
    assert [count(trace["x"]) for trace in reader.json("figure")["data"]] == [10, 10]


def test_without_a_sample_none_is_told():
    reader = Reader(build(crowd(), [story(size=10)]))
    assert "the map shows" not in reader.visible()
    assert not reader.articles()["sampled"]


def test_a_trend_counts_what_the_sample_leaves_out():
    rows = [document(n, published_at=DAY + timedelta(days=n % 2)) for n in range(40)]
    page_text = build_page(points_of(*rows), stories_of(story(size=40)), {}, limit=10)
    assert sum(Reader(page_text).articles()["storyTrend"][0]) == 40
