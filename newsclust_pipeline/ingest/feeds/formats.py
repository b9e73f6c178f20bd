"""The body of a feed → items: RSS, Atom, RDF, JSON Feed and news sitemaps.

feedparser reads RSS 0.9–2.0, Atom and RDF. It ignores entities that a document declares itself, so
entity bombs and external entities do nothing.
"""

import calendar
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from newsclust_pipeline.ingest.dates import read_date

_NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
_SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
# feedparser keeps entities that hold plain text; a long one could be repeated many times.
_LONG_ENTITY = re.compile(rb"<!ENTITY[^>]{200}")
_TOO_DEEP = "the JSON is nested too deeply"


class FormatError(Exception):
    """A body is not a feed in any known format."""


@dataclass(frozen=True)
class Item:
    """One article of a feed, under the names that dumps use.

    Attributes:
        id: the feed's own id of the article, else its address, else its title.
        title: headline; may hold HTML.
        description: summary or text; may hold HTML.
        url: the article's address.
        published_at: in a form that `ingest.dates` reads; empty if unknown.
        venue: the outlet: the article's own source, else the feed's title.
    """

    id: str
    title: str
    description: str
    url: str
    published_at: str
    venue: str

    def digest(self) -> str:
        """Return a digest that changes if anything of the article changes."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Feed:
    """What a body holds.

    Attributes:
        format: such as `rss20`, `atom10`, `json feed`, `news sitemap`.
        title: the feed's name; may be empty.
        items: its articles, as listed.
        ttl_minutes: how long the feed asks readers to wait; 0 if it does not say.
        problem: why the body is not well-formed, where items could be read all the same.
    """

    format: str
    title: str
    items: list[Item]
    ttl_minutes: int = 0
    problem: str = ""


def parse_feed(body: bytes, headers: Mapping[str, str], url: str) -> Feed:
    """Return the feed in a body.

    Args:
        body: the bytes, already decompressed.
        headers: of the response; `content-type` may name the encoding.
        url: the body's address, for links that are relative.

    Raises:
        FormatError: the body is no feed.
    """
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start in (b"{", b"["):
        return _json_feed(body)
    if b"sitemaps.org/schemas/sitemap" in body[:2000]:
        return _sitemap(body)
    return _xml_feed(body, headers, url)


def _xml_feed(body: bytes, headers: Mapping[str, str], url: str) -> Feed:
    import feedparser

    if _LONG_ENTITY.search(body):
        raise FormatError("it declares a long entity, which could be repeated to fill the memory")
    # Without a type feedparser complains that the type is not one of XML.
    kind = headers.get("content-type") or "application/xml"
    headers = {"content-type": kind, "content-location": url}
    try:
        parsed = feedparser.parse(BytesIO(body), response_headers=headers)
    except Exception as fault:  # its own faults on broken markup, such as KeyError
        raise FormatError(f"feedparser fails on it ({fault!r:.200})") from fault
    title = _text(parsed.feed.get("title"))
    if not parsed.get("version") and not parsed.entries:
        raise FormatError(f"the body is not a feed: {_beginning(body)}")
    error = parsed.get("bozo_exception")
    harmless = (feedparser.NonXMLContentType, feedparser.CharacterEncodingOverride)
    problem = str(error) if error and not isinstance(error, harmless) else ""
    items = [_xml_item(entry, title) for entry in parsed.entries]
    return Feed(
        parsed.get("version") or "xml", title, items, _whole(parsed.feed.get("ttl")), problem
    )


def _xml_item(entry: Any, feed_title: str) -> Item:
    texts = [_text(part.get("value")) for part in entry.get("content", [])]
    description = max([_text(entry.get("summary")), *texts], key=len)
    title, url = _text(entry.get("title")), _text(entry.get("link"))
    return Item(
        id=_text(entry.get("id")) or url or title,
        title=title,
        description=description,
        url=url,
        published_at=_moment(entry, "published") or _moment(entry, "updated"),
        venue=_text(entry.get("source", {}).get("title")) or feed_title,
    )


def _moment(entry: Any, name: str) -> str:
    """Return a date in ISO 8601; one with a zone that may be several stays as it is written."""
    text = _text(entry.get(name))
    reading = read_date(text)
    if reading:  # feedparser takes zones that it doesn't know, such as CEST, for UTC
        return text if reading.doubt or reading.time is None else _iso(reading.time // 1_000_000)
    parsed = entry.get(f"{name}_parsed")
    try:
        return _iso(calendar.timegm(parsed)) if parsed else ""
    except ValueError:  # a year that Python doesn't know
        return ""


def _json_feed(body: bytes) -> Feed:
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except RecursionError as error:
        raise FormatError(_TOO_DEEP) from error
    except ValueError as error:
        raise FormatError(f"the body is not valid JSON: {error}") from error
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list) or "jsonfeed" not in str(document.get("version", "")).lower():
        raise FormatError(f"the body is JSON, but not a JSON Feed: {_beginning(body)}")
    title = _text(document.get("title"))
    return Feed("json feed", title, [_json_item(i, title) for i in items if isinstance(i, dict)])


def _json_item(item: dict[str, Any], feed_title: str) -> Item:
    url = _text(item.get("url")) or _text(item.get("external_url"))
    texts = [_text(item.get(name)) for name in ("content_text", "summary", "content_html")]
    return Item(
        id=_text(item.get("id")) or url or _text(item.get("title")),
        title=_text(item.get("title")),
        description=next(filter(None, texts), ""),
        url=url,
        published_at=_text(item.get("date_published")) or _text(item.get("date_modified")),
        venue=feed_title,
    )


def _sitemap(body: bytes) -> Feed:
    from defusedxml import DefusedXmlException, ElementTree

    try:
        root = ElementTree.fromstring(body)
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise FormatError(f"the sitemap is not valid XML: {error}") from error
    if root.tag.endswith("sitemapindex"):
        raise FormatError("the sitemap is an index: list the news sitemaps that it names instead")
    items = list(_sitemap_items(root))
    return Feed("news sitemap", items[0].venue if items else "", items)


def _sitemap_items(root: Element) -> Iterator[Item]:
    for page in root.iter(f"{_SITEMAP}url"):
        url, news = _text(page.findtext(f"{_SITEMAP}loc")), page.find(f"{_NEWS}news")
        if news is not None:
            yield Item(
                id=url,
                title=_text(news.findtext(f"{_NEWS}title")),
                description="",
                url=url,
                published_at=_text(news.findtext(f"{_NEWS}publication_date")),
                venue=_text(news.findtext(f"{_NEWS}publication/{_NEWS}name")),
            )


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def _whole(value: Any) -> int:
    text = _text(value)
    return min(int(text), 10_000) if text.isdecimal() and len(text) < 9 else 0


def _iso(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):  # a year that Python does not know
        return ""


def _beginning(body: bytes) -> str:
    return repr(body[:60].decode("utf-8", errors="replace"))
