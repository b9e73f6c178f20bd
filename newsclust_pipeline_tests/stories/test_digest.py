"""The digest: the events of the last recorded run, in safe Markdown."""

import html
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from markdown_it import MarkdownIt

from newsclust_pipeline.stories.describe import STORIES
from newsclust_pipeline.stories.digest import MAX_LINES, digest
from newsclust_pipeline.stories.lineage import HISTORY

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
ARTICLES = pa.table({"doc_id": ["d1", "d2"], "url": ["https://lantern.example/1", "javascript:x"]})


def story(story_id="sa", **changes):
    row = {
        "story_id": story_id, "label": 0, "title": f"Title {story_id}", "title_source": "headline",
        "keywords": ["ferry"], "size": 3, "copies": 3, "outlets": 2, "exemplar_doc_id": "d1",
        "per_day": [], "short_title": story_id, "kind": "event", "languages": [],
        "cohesion": 0.5,
    }  # fmt: skip
    return row | changes


def event(name, story_id="sa", before=3, after=3, run="r2", **changes):
    row = {
        "run_id": run, "at": AT, "story_id": story_id, "event": name, "other_story_id": None,
        "size_before": before, "size_after": after, "shared": 0, "overlap": 0.0,
        "title": f"Title {story_id}", "joined": [], "left": [],
    }  # fmt: skip
    return row | changes


def written(stories, events):
    table = pa.Table.from_pylist(stories, STORIES)
    return digest(table, pa.Table.from_pylist(events, HISTORY), ARTICLES)


def section(text, heading):
    _, _, rest = text.partition(f"## {heading}\n\n")
    return [line for line in rest.partition("\n\n")[0].splitlines() if line.startswith("- ")]


def test_every_event_is_listed_under_its_heading():
    stories = [story("sa", size=9), story("sb"), story("sc")]
    events = [
        event("born", "sb", 0, 3),
        event("grown", "sa", 4, 9),
        event("grown", "sc", 2, 3),
        event("merged", "gone", 2, 0, other_story_id="sa"),
        event("split", "sc", 0, 3, other_story_id="sa"),
        event("ended", "old", 2, 0),
    ]
    text = written(stories, events)
    assert text.startswith("# Stories of 2026-03-02\n\n3 stories of 15 articles.\n")
    assert "Title sb" in section(text, "New")[0]
    assert [line[:6] for line in section(text, "Fastest growing")] == ["- +5: ", "- +1: "]
    assert len(section(text, "Biggest")) == 3
    [merged] = section(text, "Merged")
    assert merged.startswith(
        "- **Title gone** went into [**Title sa**](<https://lantern.example/1>)"
    )
    assert "came out of [**Title sa**]" in section(text, "Split")[0]
    assert section(text, "Ended") == ["- **Title old**"]


def test_recurring_columns_come_last_and_are_marked():
    stories = [story("sa", size=3), story("sc", size=20, kind="column")]
    text = written(stories, [event("born", "sc", 0, 20), event("born", "sa", 0, 3)])
    event_line, column_line = section(text, "New")
    assert "Title sa" in event_line
    assert "recurring column" not in event_line
    assert "Title sc" in column_line
    assert "20 articles, 2 outlets; recurring column; ferry" in column_line


def test_doubtful_stories_come_last_and_are_marked():
    stories = [story("sa", size=3), story("sd", size=20, cohesion=0.05)]
    text = written(stories, [event("born", "sd", 0, 20), event("born", "sa", 0, 3)])
    clear, doubtful = section(text, "New")
    assert "Title sa" in clear
    assert "doubtful" not in clear
    assert "20 articles, 2 outlets; doubtful; ferry" in doubtful


def test_only_the_last_run_is_shown():
    text = written([story()], [event("ended", "old", run="r1"), event("grown", "sa", 2, 3)])
    assert "Title old" not in text
    assert section(text, "Fastest growing")


def test_events_that_do_not_occur_have_no_heading():
    text = written([story()], [event("continued")])
    assert [line for line in text.splitlines() if line.startswith("##")] == ["## Biggest"]


def test_a_long_list_is_cut_with_a_count_of_the_rest():
    stories = [story(f"s{row}") for row in range(MAX_LINES + 5)]
    lines = section(written(stories, [event("born", s["story_id"], 0) for s in stories]), "New")
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "- and 5 more"


@pytest.mark.parametrize("stories", [[], [story()]])
def test_without_history_or_stories_there_is_a_digest(stories):
    assert written(stories, []).startswith("# Stories\n")


@pytest.mark.parametrize(
    "title",
    [
        "*Bold* [a](https://b.example)",
        "<script>alert(1)</script>",
        "A | B & C",
        "![x](y)",
        "`a` _b_",
    ],
)
def test_a_headline_is_shown_as_it_was_written(title):
    shown = MarkdownIt("commonmark").render(written([story(title=title)], []))
    assert f"<strong>{html.escape(title, quote=False)}</strong>" in shown


@pytest.mark.parametrize(
    "url", ["https://a.example/x)y> <b", "https://a.example/[a](b)", 'https://a.example/"`\\']
)
def test_an_address_can_not_leave_its_link(url):
    table = pa.Table.from_pylist([story()], STORIES)
    articles = pa.table({"doc_id": ["d1"], "url": [url]})
    shown = MarkdownIt("commonmark").render(digest(table, HISTORY.empty_table(), articles))
    assert shown.count("<a ") == 1
    assert "<b" not in shown


def test_only_addresses_of_the_web_are_linked():
    assert "javascript" not in written([story(exemplar_doc_id="d2")], [])


def test_a_headline_can_neither_begin_a_line_nor_reorder_it():
    text = written([story(title="x\n::warning::y\u202ez")], [])
    assert "\u202e" not in text
    assert not [line for line in text.splitlines() if line.startswith("::")]


def test_every_story_links_to_the_map_where_it_is_served():
    table = pa.Table.from_pylist([story("sa")], STORIES)
    history = pa.Table.from_pylist([event("born", "sa", 0, 3)], HISTORY)
    text = digest(table, history, ARTICLES, "https://news.example/data/cluster_plot.html")
    link = "[map](<https://news.example/data/cluster_plot.html#story=sa>)"
    assert section(text, "New")[0].endswith(link)
    assert "[map]" not in digest(table, history, ARTICLES)


def test_changed_parameters_are_said_before_the_stories_that_they_made_or_ended():
    born = event("born", parameters_changed="min_samples: 3 → 8")
    text = written([story()], [born])
    assert text.index("The parameters changed since the last run (min") < text.index("## New")
    assert "parameters" not in written([story()], [event("born")])
