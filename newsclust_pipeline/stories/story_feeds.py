"""Stories → feeds, Atom (RFC 4287) and JSON Feed 1.1: any reader can follow stories.

A feed has one entry per story that has appeared or grown, the latest first. Its id is that of the
story, and its time that of the last such event, so that a reader shows it again only when there is
news. Recurring columns are left out. The same tables give the same bytes.
"""

import json
from collections.abc import Hashable, Iterator
from datetime import UTC, datetime
from html import escape
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.text import one_line

FEED_FILES = ("stories.atom", "stories.feed.json")
MAX_ENTRIES = 100
_MAX_LINKS = 20  # articles of an entry, one per outlet first
_NEWS = ("born", "grown", "split")
_TITLE = "Stories"
_FEED_ID = "urn:newsclust:stories"
_ATOM = "http://www.w3.org/2005/Atom"
Article = dict[Hashable, Any]
_EPOCH = "1970-01-01T00:00:00Z"


class Entry(NamedTuple):
    """One story of a feed. Times are in UTC, RFC 3339."""

    story_id: str
    title: str
    url: str | None
    content: str
    published: str
    updated: str
    keywords: list[str]
    language: str | None


def story_feeds(
    stories: pa.Table, lineage: pa.Table, labels: pa.Table, articles: pa.Table
) -> dict[str, str]:
    """Return the feeds by file name: `stories.atom` and `stories.feed.json`.

    Args:
        stories: schema `STORIES`.
        lineage: schema `STORY_LINEAGE`; it says when a story appeared and grew.
        labels: columns doc_id, story_id.
        articles: columns doc_id, title, url, venue, published_at.
    """
    entries = _entries(stories, lineage, labels, articles)
    return dict(zip(FEED_FILES, (_atom(entries), _json_feed(entries)), strict=True))


def _entries(
    stories: pa.Table, lineage: pa.Table, labels: pa.Table, articles: pa.Table
) -> list[Entry]:
    """Return the entries, the latest first."""
    news = lineage.filter(pc.is_in(lineage["event"], pa.array(_NEWS)))
    times = news.select(["story_id", "at"]).to_pandas().groupby("story_id")["at"]
    first, last = times.min(), times.max()
    entries = [
        story
        for story in stories.to_pylist()
        if story["kind"] != "column" and story["story_id"] in last.index
    ]
    entries.sort(key=lambda story: last[story["story_id"]], reverse=True)  # stable: largest first
    members = _members(labels, articles, {story["story_id"] for story in entries[:MAX_ENTRIES]})
    return [
        _entry(story, members[story["story_id"]], first[story["story_id"]], last[story["story_id"]])
        for story in entries[:MAX_ENTRIES]
    ]


def _members(labels: pa.Table, articles: pa.Table, stories: set[str]) -> dict[str, list[Article]]:
    """Return the articles of these stories: the newest of every outlet, then the others."""
    columns = ["doc_id", "title", "url", "venue", "published_at"]
    frame = labels.select(["doc_id", "story_id"]).to_pandas()
    frame = frame[frame["story_id"].isin(stories)]
    frame = frame.merge(articles.select(columns).to_pandas(), on="doc_id")
    frame = frame.sort_values(["published_at", "doc_id"], ascending=[False, True])
    rank = frame.groupby(["story_id", "venue"], dropna=False).cumcount()
    frame = frame.iloc[np.argsort(rank.to_numpy(), kind="stable")]
    return {str(story): rows.to_dict("records") for story, rows in frame.groupby("story_id")}


def _entry(story: dict[str, Any], members: list[Article], first: datetime, last: datetime) -> Entry:
    addresses = {article["doc_id"]: article["url"] for article in members}
    address = addresses.get(story["exemplar_doc_id"])
    return Entry(
        story_id=story["story_id"],
        title=_readable(story["title"]) or story["story_id"],
        url=_web_address(address),
        content=_content(story, members),
        published=_rfc3339(first),
        updated=_rfc3339(last),
        keywords=[_readable(keyword) for keyword in story["keywords"]],
        language=story["languages"][0]["language"] if story["languages"] else None,
    )


def _content(story: dict[str, Any], members: list[Article]) -> str:
    """Return the entry's HTML: the number of articles, and links to them with their outlets."""
    items = "".join(
        f"<li>{_link(article['title'], article['url'])}{_outlet(article['venue'])}</li>"
        for article in members[:_MAX_LINKS]
    )
    left = max(0, len(members) - _MAX_LINKS)
    rest = f"<p>and {left} more</p>" if left else ""
    return (
        f"<p>{story['size']} articles, {story['outlets']} outlets; "
        f"{escape(_readable(', '.join(story['keywords'])))}</p><ul>{items}</ul>{rest}"
    )


def _link(title: str, address: Any) -> str:
    text, url = escape(_readable(title)), _web_address(address)
    return f'<a href="{escape(url)}">{text}</a>' if url else text


def _outlet(venue: Any) -> str:
    return f" – {escape(_readable(venue))}" if isinstance(venue, str) and venue else ""


def _web_address(address: Any) -> str | None:
    """Return an address of the web; None for anything else, such as `javascript:`."""
    if not isinstance(address, str) or not address.lower().startswith(("http://", "https://")):
        return None
    address = _readable(address)
    return None if " " in address else address


def _readable(text: str) -> str:
    """Return a text on one line that XML can hold."""
    return "".join(c for c in one_line(text) if c not in "\ufffe\uffff")


def _rfc3339(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _atom(entries: list[Entry]) -> str:
    """Return the feed in Atom."""
    feed = ET.Element("feed", xmlns=_ATOM)
    _add(feed, "id", _FEED_ID)
    _add(feed, "title", _TITLE)
    _add(feed, "updated", entries[0].updated if entries else _EPOCH)
    _add(ET.SubElement(feed, "author"), "name", "newsclust_pipeline")
    for entry in entries:
        item = ET.SubElement(feed, "entry")
        if entry.language:
            item.set("xml:lang", entry.language)
        _add(item, "id", f"urn:newsclust:story:{entry.story_id}")
        _add(item, "title", entry.title)
        _add(item, "published", entry.published)
        _add(item, "updated", entry.updated)
        if entry.url:
            ET.SubElement(item, "link", rel="alternate", href=entry.url)
        for keyword in entry.keywords:
            ET.SubElement(item, "category", term=keyword)
        _add(item, "content", entry.content, type="html")
    ET.indent(feed)
    text = ET.tostring(feed, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _add(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = text


def _json_feed(entries: list[Entry]) -> str:
    """Return the feed in JSON Feed 1.1."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _TITLE,
        "items": [dict(_item(entry)) for entry in entries],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1) + "\n"


def _item(entry: Entry) -> Iterator[tuple[str, Any]]:
    yield "id", entry.story_id
    if entry.url:
        yield "url", entry.url
    yield "title", entry.title
    yield "content_html", entry.content
    yield "date_published", entry.published
    yield "date_modified", entry.updated
    yield "tags", entry.keywords
    if entry.language:
        yield "language", entry.language
