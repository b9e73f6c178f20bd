"""The feeds of stories: valid Atom and JSON Feed, one entry per story, safe links."""

import json
from datetime import UTC, datetime, timedelta

import feedparser
import pyarrow as pa
import pytest
from defusedxml.ElementTree import fromstring

from newsclust_pipeline.schemas import STORIES, STORY_LINEAGE
from newsclust_pipeline.stories.story_feeds import MAX_ENTRIES, story_feeds

START = datetime(2026, 3, 2, 6, 0, 0, 250_000, tzinfo=UTC)


def story(story_id="sa", **changes):
    return {
        "story_id": story_id, "label": 0, "title": f"Title {story_id}", "title_source": "headline",
        "keywords": ["ferry", "fire & smoke"], "size": 2, "copies": 2, "outlets": 2,
        "exemplar_doc_id": f"{story_id}0", "per_day": [], "short_title": story_id, "kind": "event",
        "languages": [{"language": "en", "articles": 2}],
    } | changes  # fmt: skip


def event(name, story_id="sa", day=0):
    return {
        "run_id": f"r{day}", "at": START + timedelta(days=day), "story_id": story_id,
        "event": name, "other_story_id": None, "size_before": 1, "size_after": 2, "shared": 0,
        "overlap": 0.0, "title": "", "joined": [], "left": [],
    }  # fmt: skip


def article(story_id="sa", number=0, **changes):
    return {
        "doc_id": f"{story_id}{number}", "title": f"Headline {story_id}{number}",
        "url": f"https://outlet{number}.example/{story_id}?a=1&b=2", "venue": f"Outlet {number}",
        "published_at": START + timedelta(hours=number), "story_id": story_id,
    } | changes  # fmt: skip


def feeds(stories, events, articles=None):
    if articles is None:
        articles = [article(s["story_id"], n) for s in stories for n in range(2)]
    kinds = [("doc_id", pa.string()), ("title", pa.string()), ("url", pa.string()),
             ("venue", pa.string()), ("published_at", pa.timestamp("us", tz="UTC")),
             ("story_id", pa.string())]  # fmt: skip
    table = pa.Table.from_pylist(articles, pa.schema(kinds))
    done = story_feeds(
        pa.Table.from_pylist(stories, STORIES.schema),
        pa.Table.from_pylist(events, STORY_LINEAGE.schema),
        table.select(["doc_id", "story_id"]),
        table.drop_columns("story_id"),
    )
    assert list(done) == ["stories.atom", "stories.feed.json"]
    return feedparser.parse(done["stories.atom"]), json.loads(done["stories.feed.json"]), done


def test_a_reader_finds_the_story_its_times_and_the_outlets_links():
    atom, feed, texts = feeds([story()], [event("born"), event("grown", day=3)])
    assert not atom.bozo
    [entry] = atom.entries
    assert entry.id == "urn:newsclust:story:sa"
    assert entry.title == "Title sa"
    assert entry.link == "https://outlet0.example/sa?a=1&b=2"
    assert entry.published == "2026-03-02T06:00:00Z"
    assert entry.updated == atom.feed.updated == "2026-03-05T06:00:00Z"
    assert [tag.term for tag in entry.tags] == ["ferry", "fire & smoke"]
    for number in range(2):
        assert f'href="https://outlet{number}.example/sa?a=1&amp;b=2"' in entry.content[0].value
        assert f"Outlet {number}" in entry.content[0].value
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    [item] = feed["items"]
    assert item["id"] == "sa"
    assert (item["url"], item["title"], item["language"]) == (entry.link, "Title sa", "en")
    assert (item["date_published"], item["date_modified"]) == (entry.published, entry.updated)
    assert item["content_html"].count("<a ") == 2
    assert fromstring(texts["stories.atom"]).tag == "{http://www.w3.org/2005/Atom}feed"


def test_only_stories_that_have_appeared_or_grown_have_an_entry_the_latest_first():
    stories = [story(name) for name in ("sa", "sb", "sc", "sd")]
    events = [event("born", "sa"), event("born", "sb"), event("continued", "sc", 2)]
    events += [event("grown", "sb", 1), event("split", "sd", 3), event("shrunk", "sa", 4)]
    _, feed, _ = feeds(stories, events)
    assert [item["id"] for item in feed["items"]] == ["sd", "sb", "sa"]


def test_recurring_columns_and_ended_stories_have_no_entry():
    stories = [story("sa"), story("sb", kind="column")]
    _, feed, _ = feeds(stories, [event("born", name) for name in ("sa", "sb", "gone")])
    assert [item["id"] for item in feed["items"]] == ["sa"]


def test_a_feed_is_bounded():
    stories = [story(f"s{n:03}") for n in range(MAX_ENTRIES + 5)]
    atom, feed, _ = feeds(stories, [event("born", s["story_id"]) for s in stories])
    assert len(atom.entries) == len(feed["items"]) == MAX_ENTRIES
    articles = [article("sa", n, venue=f"Outlet {n % 3}") for n in range(30)]
    _, feed, _ = feeds([story(size=30)], [event("born")], articles)
    content = feed["items"][0]["content_html"]
    assert content.count("<li>") == 20
    assert "and 10 more" in content
    assert content.index("Headline sa29") < content.index("Headline sa27") < content.index("sa26")


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", "A & B", "x\x00\x1b\ufffey", "a\u202eb", "]]>"]
)
def test_hostile_headlines_are_shown_as_text(title):
    atom, feed, texts = feeds([story(title=title)], [event("born")], [article(title=title)])
    assert not atom.bozo
    assert "<script" not in texts["stories.atom"]
    assert "<script" not in feed["items"][0]["content_html"]
    assert "\u202e" not in texts["stories.atom"]


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", "data:text/html,x", "https://a b"]
)
def test_only_addresses_of_the_web_are_linked(url):
    atom, feed, _ = feeds([story()], [event("born")], [article(url=url)])
    assert atom.entries[0].get("links", []) == []
    assert "url" not in feed["items"][0]
    assert "href" not in feed["items"][0]["content_html"]


def test_without_stories_the_feeds_are_empty_and_valid():
    atom, feed, _ = feeds([], [])
    assert not atom.bozo
    assert (atom.entries, feed["items"]) == ([], [])


def test_unknown_outlets_dates_and_languages_are_left_out():
    articles = [article(n, venue=None, published_at=None) for n in ("sa",)]
    atom, feed, _ = feeds([story(languages=[])], [event("born")], articles)
    assert "language" not in feed["items"][0]
    assert "None" not in feed["items"][0]["content_html"]
    assert not atom.bozo


def test_the_same_tables_give_the_same_bytes():
    assert feeds([story()], [event("born")])[2] == feeds([story()], [event("born")])[2]
