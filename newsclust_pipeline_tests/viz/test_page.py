"""The page as text: its words, its policy, and that hostile text adds nothing to it."""

import base64
import hashlib
import re

import pyarrow as pa
import pytest

from newsclust_pipeline.viz import page, page_data
from newsclust_pipeline.viz.page import build_page
from newsclust_pipeline_tests.viz.pages import (
    HARBOUR,
    NOISE,
    Reader,
    build,
    document,
    history_of,
    mixed_page,
    points_of,
    stories_of,
    story,
    unpacked,
)


@pytest.fixture
def mixed():
    return mixed_page()


def test_summary_counts_articles_stories_and_noise(mixed):
    assert "5 articles · 2 stories · 20 % in no story" in Reader(mixed).visible()


def test_facts_keep_their_order(mixed):
    assert mixed.index("<dt>embedder</dt>") < mixed.index("<dt>k</dt>")


def test_same_arguments_same_bytes(mixed):
    arguments = [document(n) for n in range(20)], [story()], {"k": "50"}
    assert build(*arguments) == build(*arguments)


def test_policy_allows_only_what_the_page_holds(mixed):
    reader = Reader(mixed)
    (policy,) = [a["content"] for t, a in reader.tags if a.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-inline" not in policy
    assert "http" not in policy
    blocks = reader.blocks
    for code in (blocks["module"], blocks["plain style"]):
        digest = hashlib.sha256(code.encode()).digest()
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert "unsafe-eval" not in policy


def test_only_a_map_in_space_carries_plotly_and_may_evaluate_code(mixed):
    table = points_of(document(0), document(1)).append_column("z", pa.array([0.0, 1.0]))
    reader = Reader(build_page(table, stories_of(story()), {}))
    (policy,) = [a["content"] for t, a in reader.tags if a.get("http-equiv")]
    plotly = unpacked(reader.blocks["plotly"])
    digest = base64.b64encode(hashlib.sha256(plotly.encode()).digest()).decode()
    assert f"'sha256-{digest}' 'unsafe-eval'" in policy
    assert Reader(mixed).blocks["plotly"] == ""


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
    shown = page_data.visible_text(evil)
    assert articles["title"] == [shown]
    assert articles["venues"] == [shown]
    assert articles["storyTitle"] == [shown]


def test_no_text_changes_the_direction_of_the_text_after_it():
    evil = "\u202ecod.exe\u202c \u2066a\u2069\x1b[31m"
    rows = {"title": evil, "description": evil, "venue": evil}
    text = build([document(**rows)], [story(title=evil)], {"embedder": evil})
    texts = unpacked(Reader(text).blocks["data"]) + Reader(text).visible()
    assert "cod.exe a[31m" in texts
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", texts)


def test_no_documents():
    text = build([])
    reader = Reader(text)
    assert "0 articles · 0 stories" in reader.visible()
    assert "No articles yet" in reader.visible()
    assert reader.json("figure") is None
    assert len(text) < 150_000


def test_no_stories_all_noise():
    reader = Reader(build([document(0, label=NOISE), document(1, label=NOISE)]))
    assert "2 articles · 0 stories · 100 % in no story" in reader.visible()
    assert reader.articles()["noise"] == 2


def test_no_noise_hides_its_switch():
    reader = Reader(build([document(0), document(1)], [story()]))
    assert "2 articles · 1 story · 0 % in no story" in reader.visible()
    (switch,) = [attrs for _, attrs in reader.tags if attrs.get("class") == "switch"]
    assert "hidden" in switch


def test_a_missing_column_is_named():
    with pytest.raises(KeyError, match="venue"):
        build_page(points_of(document()).drop_columns("venue"), stories_of(story()), {})


def test_facts_of_a_run_can_be_added_and_removed(mixed):
    signed = page.sign(mixed, {"run": "<b>1"})
    assert "<dt>run</dt><dd><bdi>&lt;b&gt;1</bdi></dd>" in signed
    assert page.sign(signed, {}) == mixed


def crowd():
    return [document(n, label=HARBOUR if n < 10 else NOISE) for n in range(40)]


def test_the_footer_counts_the_sample_and_the_head_counts_everything():
    facts = {"embedder": "minilm"}
    reader = Reader(build_page(points_of(*crowd()), stories_of(story(size=10)), facts, limit=20))
    text = reader.visible()
    assert "40 articles · 1 story · 75 % in no story" in text
    assert (
        "the map shows 20 of them: every story, with 10 of 10 articles, and 10 of 30 in no story"
        in text
    )
    articles = reader.articles()
    assert articles["sampled"]
    assert len(articles["title"]) == 20
    assert articles["noise"] == 10


def test_without_a_sample_the_footer_mentions_none():
    reader = Reader(build(crowd(), [story(size=10)]))
    assert "the map shows" not in reader.visible()
    assert not reader.articles()["sampled"]


def test_articles_outside_the_usual_view_are_counted():
    rows = [document(n, x=float(n % 10), y=float(n // 10)) for n in range(100)]
    far = document(100, x=500.0, y=3.0)
    assert "+1 outside" in Reader(build([*rows, far], [story()])).visible()
    (button,) = [a for _, a in Reader(build(rows, [story()])).tags if a.get("id") == "all"]
    assert "hidden" in button


def test_stories_that_ended_are_listed():
    gone = history_of(
        ("born", 1, "s1", "Old"), ("ended", 2, "s1", "<b>Old"), ("born", 2, "s7", "New")
    )
    text = build_page(points_of(document()), stories_of(story()), {}, lineage=gone)
    assert "Ended since the previous run: <bdi>&lt;b&gt;Old</bdi>." in text
