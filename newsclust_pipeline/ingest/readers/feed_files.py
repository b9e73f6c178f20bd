"""Read saved feeds: RSS, Atom, RDF and news sitemaps.

The feed is cut after whole entries, and every piece is parsed as a feed of its own, with the head
of the feed above its entries. So memory does not grow with the file.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count
from typing import BinaryIO

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest.feeds.formats import FormatError, parse_feed
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.source import Source

_PIECE = 1 << 22  # bytes
_LONGEST_ENTRY = 1 << 24
_MAX_DEPTH = 100  # of elements above the entries
_SITEMAP = b"sitemaps.org/schemas/sitemap"
_ENTRY = re.compile(rb"<(?:[\w-]+:)?(?:item|entry)[\s>]")
_ENTRY_END = re.compile(rb"</(?:[\w-]+:)?(?:item|entry)\s*>")
_PAGE = re.compile(rb"<url[\s>]")
_PAGE_END = re.compile(rb"</url\s*>")
_TAG = re.compile(
    rb"<!\[CDATA\[.*?\]\]>|<!--.*?-->|<[?!][^>]*>|<(/?)([\w:.-]+)[^>]*?(/?)>", re.DOTALL
)
_WIDE = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_DECLARATION = re.compile(r"^\ufeff?<\?xml[^>]*\?>")


def read_feed(stream: BinaryIO, source: Source) -> Iterator[Row]:
    """Yield the entries.

    Raises:
        DumpError: the file is no feed, or one entry is endless.
    """
    numbers = count(1)
    problem = ""
    for piece in _pieces(stream, source.dump):
        try:
            feed = parse_feed(piece, {}, "")
        except FormatError as fault:
            raise DumpError(
                f"{source.dump}: can't be read as a feed ({fault}). Replace the file with an RSS "
                "or Atom feed, or move it out of the way."
            ) from None
        problem = problem or feed.problem
        yield from (Row(source.dump, next(numbers), asdict(item)) for item in feed.items)
    if problem:
        source.warnings.append(
            f"{source.dump}: not well-formed ({problem}); the entries that could be read were read"
        )


def _pieces(stream: BinaryIO, dump: str) -> Iterator[bytes]:
    """Yield the feed in one piece, or, if it is long, in several with the same head."""
    content = stream.read(_PIECE)
    if not content:
        raise DumpError(f"{dump}: the file is empty. Replace it, or move it out of the way.")
    if content[:2] in _WIDE:
        text = (content + _read_bounded(stream, dump)).decode(_WIDE[content[:2]], "replace")
        yield _DECLARATION.sub("", text).encode()
        return
    entry, entry_end = (_PAGE, _PAGE_END) if _SITEMAP in content[:2000] else (_ENTRY, _ENTRY_END)
    start = entry.search(content)
    head, rest = (content[: start.start()], content[start.start() :]) if start else (content, b"")
    tags = _open_tags(head)
    if len(tags) > _MAX_DEPTH:
        raise DumpError(
            f"{dump}: refused, because its elements are nested {len(tags):,} deep. Replace it, or "
            "move it out of the way."
        )
    foot = b"".join(b"</" + tag + b">" for tag in reversed(tags))
    while more := stream.read(_PIECE):
        ends = [found.end() for found in entry_end.finditer(rest)]
        if ends:
            yield head + rest[: ends[-1]] + foot
            rest = rest[ends[-1] :]
        rest += more
        if len(rest) > _LONGEST_ENTRY:
            raise DumpError(_too_long(dump))
    yield head + rest


def _read_bounded(stream: BinaryIO, dump: str) -> bytes:
    rest = stream.read(_LONGEST_ENTRY)
    if len(rest) == _LONGEST_ENTRY:
        raise DumpError(_too_long(dump))
    return rest


def _too_long(dump: str) -> str:
    return (
        f"{dump}: an entry of more than {_LONGEST_ENTRY >> 20} MB, or a long feed in UTF-16. Save "
        "it as UTF-8, or move it out of the way."
    )


def _open_tags(head: bytes) -> list[bytes]:
    """Return the elements that a head leaves open, such as rss and channel."""
    tags: list[bytes] = []
    for found in _TAG.finditer(head):
        closing, name, empty = found.groups()
        if name and closing and name in tags:
            del tags[len(tags) - 1 - tags[::-1].index(name) :]
        elif name and not closing and not empty:
            tags.append(name)
    return tags
