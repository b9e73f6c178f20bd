"""Documents, stories and pages for tests of the map, and a parser of the page's HTML."""

import base64
import json
import zlib
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa

from newsclust_pipeline.schemas import STORY_LINEAGE
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
        ("language", pa.string()),
        ("date_suspect", pa.bool_()),
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
        ("short_title", pa.string()),
        ("kind", pa.string()),
        ("keywords", pa.list_(pa.string())),
        ("size", pa.int64()),
        ("copies", pa.int64()),
        ("outlets", pa.int64()),
        ("exemplar_doc_id", pa.string()),
        ("topic_id", pa.string()),
        ("topic", pa.string()),
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
    title = changes.get("title", "Harbour bridge reopens")
    row = {
        "story_id": f"s{label}",
        "label": label,
        "title": title,
        "short_title": title,
        "kind": "event",
        "keywords": [],
        "size": 3,
        "copies": 3,
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
    """The start tags with their attributes, and the text of each script, style and data block."""

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
        return json.loads(unpacked(self.blocks["data"]))

    def visible(self):
        return " ".join("".join(self.text).split())  # no-break spaces become plain ones


def mixed_page():
    """A page of two stories and one document in none, the noise not first."""
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


def numbers(packed, kind):
    """The numbers in a column that is packed as base64."""
    return np.frombuffer(base64.b64decode(packed), kind).tolist()


def history_of(*events):
    """A table of story_lineage: (event, day of May 2024, story, title, other story, joined)."""
    rows = []
    for event, day, story_id, title, *rest in events:
        other, joined = ([*rest, None, None])[:2] if rest else (None, None)
        rows.append(
            {
                "run_id": f"run {day}",
                "at": datetime(2024, 5, day, 8, tzinfo=UTC),
                "story_id": story_id,
                "event": event,
                "other_story_id": other,
                "size_before": 0 if event == "born" else 2,
                "size_after": 0 if event in {"ended", "merged"} else 3,
                "shared": 0,
                "overlap": 0.0,
                "title": title,
                "joined": joined or [],
                "left": [],
            }
        )
    return pa.Table.from_pylist(rows, STORY_LINEAGE.schema)
