"""The data that the page's scripts read: documents and stories, column by column."""

import re
from typing import Any

import numpy as np
import pyarrow as pa

from newsclust_pipeline.viz import geometry
from newsclust_pipeline.viz.geometry import Floats, Ints

SNIPPET = 240  # most characters of a description on a hover card
SNIPPETS_TOTAL = 14_000_000  # most characters of all descriptions: the file should stay mailable
TREND = 24  # steps of a story's trend
UNTITLED = "Untitled"


def noise_first(points: pa.Table) -> pa.Table:
    """Return the rows with noise first, in the order in which the page draws them."""
    labels = points["label"].to_numpy()
    return points.take(np.argsort(labels >= 0, kind="stable"))


def noise_count(points: pa.Table) -> int:
    """Return the number of documents that belong to no story."""
    return int(np.sum(points["label"].to_numpy() < 0))


def coordinates(points: pa.Table) -> Floats:
    """Return the positions, (n, 2) or (n, 3)."""
    axes = [axis for axis in ("x", "y", "z") if axis in points.column_names]
    return np.column_stack([points[axis].to_numpy().astype(np.float64) for axis in axes])


def page_data(
    points: pa.Table, shown: pa.Table, stories: pa.Table, positions: Floats, bounds: Floats
) -> dict[str, Any]:
    """Return the columns of documents and stories; times in minutes since 1970, UTC.

    Args:
        points: all documents.
        shown: those on the map, noise first.
        stories: one row per story.
        positions: of the documents on the map.
        bounds: box of the map.
    """
    labels = stories["label"].to_pylist()
    story = _story_rows(shown["label"].to_pylist(), labels)
    boxes = geometry.story_boxes(positions, story, stories.num_rows, bounds)
    all_stories = _story_rows(points["label"].to_pylist(), labels)
    return {
        "sampled": shown.num_rows < points.num_rows,
        "noise": noise_count(shown),
        "home": _rounded(bounds),
        "story": story.tolist(),
        "storyHue": geometry.hues(boxes.mean(axis=2)),
        "storyBox": _rounded(boxes),
        "storyTrend": _trends(points["published_at"], all_stories, stories.num_rows),
        **_story_columns(stories),
        **_document_columns(shown),
    }


def visible_text(text: str | None) -> str | None:
    """Return a text without control characters and without overrides of writing direction."""
    return None if text is None else _INVISIBLE.sub("", text)


# Within an override of direction a text can look like another one; control characters show nothing.
_INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f]")


def snippet(text: str | None, length: int = SNIPPET) -> str | None:
    """Return the beginning of a description, cut between words; None if there is none."""
    flat = " ".join((visible_text(text) or "").split())
    if len(flat) <= length:
        return flat or None
    return flat[:length].rsplit(" ", 1)[0].rstrip(" ,;:.–-") + "…"


def _story_columns(stories: pa.Table) -> dict[str, Any]:
    nulls = stories.num_rows * [None]
    names = stories.column_names
    keywords = stories["keywords"].to_pylist() if "keywords" in names else nulls
    return {
        "storyTitle": [visible_text(title) or UNTITLED for title in stories["title"].to_pylist()],
        "storySize": stories["size"].to_pylist(),
        "storyOutlets": stories["outlets"].to_pylist(),
        "storyCopies": stories["copies"].to_pylist() if "copies" in names else nulls,
        "storyKeywords": [[visible_text(word) for word in words or []] for words in keywords],
        "storyFirst": _minutes(stories["first_published"]),
        "storyLast": _minutes(stories["last_published"]),
    }


def _document_columns(points: pa.Table) -> dict[str, Any]:
    venue, venues = _dictionary(points["venue"])
    length = min(SNIPPET, SNIPPETS_TOTAL // max(points.num_rows, 1))
    return {
        "title": [visible_text(title) for title in points["title"].to_pylist()],
        "snippet": [snippet(text, length) for text in points["description"].to_pylist()],
        "url": [_web_address(url) for url in points["url"].to_pylist()],
        "copies": [int(copies or 1) for copies in points["copies"].to_pylist()],
        "venue": venue,
        "venues": [visible_text(name) for name in venues],
        "time": _minutes(points["published_at"]),
    }


def _dictionary(column: pa.ChunkedArray) -> tuple[list[int | None], list[str]]:
    """Return a column as indices into its distinct values, and the values; null stays null."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):  # what combine_chunks returns for an empty column
        encoded = pa.array([], pa.string()).dictionary_encode()
    return encoded.indices.to_pylist(), encoded.dictionary.to_pylist()


def _web_address(url: str | None) -> str | None:
    """Return an address that a click may open, else None: a feed can hold `javascript:`."""
    address = (url or "").strip()
    return address if address.lower().startswith(("http://", "https://")) else None


def _minutes(column: pa.ChunkedArray) -> list[int | None]:
    """Return times as minutes since 1970; null stays null."""
    times = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
    return [None if time is None else time // 60_000_000 for time in times]


def _trends(published: pa.ChunkedArray, story: Ints, count: int) -> list[list[int]]:
    """Return the articles of each story in equal steps from the first to the last day of all."""
    times = np.array([np.nan if t is None else t for t in _minutes(published)], dtype=np.float64)
    dated = ~np.isnan(times) & (story >= 0)
    if not dated.any():
        return []
    first, last = np.nanmin(times), np.nanmax(times)
    step = np.minimum((times[dated] - first) / max(last - first, 1) * TREND, TREND - 1).astype(int)
    counts = np.bincount(story[dated] * TREND + step, minlength=count * TREND)
    trends: list[list[int]] = counts.reshape(count, TREND).tolist()
    return trends


def _story_rows(labels: list[int], known: list[int]) -> Ints:
    """Return for each document the row of its story in the table, −1 for none."""
    row_of = {label: row for row, label in enumerate(known)}
    return np.array([row_of.get(label, -1) for label in labels], dtype=np.int64)


def _rounded(box: Floats) -> list[Any]:
    """Return short numbers: four digits are finer than a pixel."""
    rounded: list[Any] = np.round(box, 4).tolist()
    return rounded
