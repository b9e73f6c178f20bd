"""The data that the page's scripts read: documents and stories, column by column.

`web/types.d.ts` lists the columns. Times are minutes since 1970, UTC.
"""

import base64
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz import geometry
from newsclust_pipeline.viz.colours import story_colours
from newsclust_pipeline.viz.geometry import Floats, Ints
from newsclust_pipeline.viz.history import History

SNIPPET = 240  # most characters of a description on a hover card
SNIPPETS_TOTAL = 12_000_000  # most characters of all descriptions: the file should stay mailable
LEAD = 400  # most characters of an exemplar's description, at its story
SIMILAR = 5  # similar articles listed for each
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
    points: pa.Table,
    shown: pa.Table,
    stories: pa.Table,
    positions: Floats,
    history: History,
    neighbours: Neighbours | None,
) -> dict[str, Any]:
    """Return the columns of documents and stories.

    Args:
        points: all documents.
        shown: those on the map, noise first.
        stories: one row per story.
        positions: of the documents on the map.
        history: of the stories.
        neighbours: of all documents, for lists of similar articles; None: no lists.
    """
    labels = stories["label"].to_pylist()
    story = _story_rows(shown["label"].to_pylist(), labels)
    bounds = geometry.map_bounds(positions)
    return {
        "sampled": shown.num_rows < points.num_rows,
        "total": points.num_rows,
        "noise": noise_count(shown),
        "home": _rounded(bounds),
        "full": _rounded(geometry.map_bounds(positions, outliers=True)),
        "markerSize": round(float(_marker_size(shown.num_rows)), 1),
        "story": story.tolist(),
        "joined": [history.joined.get(doc) for doc in shown["doc_id"].to_pylist()],
        "similar": _base64(_similar(shown, neighbours)),
        **{
            axis: _base64(p.astype(np.float32)) for axis, p in zip("xyz", positions.T, strict=False)
        },
        **({} if positions.shape[1] == 3 else {"z": ""}),
        **_document_columns(shown),
        "storyColour": story_colours(positions, story, stories.num_rows, bounds),
        "storyBox": _rounded(geometry.story_boxes(positions, story, stories.num_rows, bounds)),
        **_dates(points, _story_rows(points["label"].to_pylist(), labels), stories.num_rows),
        **_story_columns(stories, points),
        "storyEvents": [
            history.events.get(name or "", []) for name in stories["story_id"].to_pylist()
        ],
        "runs": history.runs,
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


def short_names(stories: pa.Table) -> list[str]:
    """Return the stories' names on the map: their short titles."""
    return [visible_text(name) or UNTITLED for name in stories["short_title"].to_pylist()]


def _story_columns(stories: pa.Table, points: pa.Table) -> dict[str, Any]:
    topics, topic_names = _topics(stories)
    return {
        "storyId": stories["story_id"].to_pylist(),
        "storyTitle": [visible_text(title) or UNTITLED for title in stories["title"].to_pylist()],
        "storyShort": short_names(stories),
        "storySize": stories["size"].to_pylist(),
        "storyOutlets": stories["outlets"].to_pylist(),
        "storyCopies": stories["copies"].to_pylist(),
        "storyKeywords": [
            [visible_text(word) for word in words] for words in stories["keywords"].to_pylist()
        ],
        "storyLead": _leads(stories, points),
        "storyKind": stories["kind"].to_pylist(),
        "storyTopic": topics,
        "topics": topic_names,
        "storyFirst": _minutes(stories["first_published"]),
        "storyLast": _minutes(stories["last_published"]),
    }


def _topics(stories: pa.Table) -> tuple[list[int], list[str]]:
    """Return each story's topic as an index, −1 for none, and the topics' names."""
    index, known = _dictionary(stories["topic_id"])
    names = dict(zip(index, stories["topic"].to_pylist(), strict=True))
    topics = [-1 if topic is None else topic for topic in index]
    return topics, [visible_text(names[topic]) or "" for topic in range(len(known))]


def _leads(stories: pa.Table, points: pa.Table) -> list[str | None]:
    """Return the first lines of each story's exemplar."""
    exemplars = stories["exemplar_doc_id"].cast(pa.string())
    rows = pc.index_in(exemplars, points["doc_id"].cast(pa.string()))
    texts = points["description"].cast(pa.string()).take(rows)
    return [snippet(text, LEAD) for text in texts.to_pylist()]


def _document_columns(points: pa.Table) -> dict[str, Any]:
    count = points.num_rows
    venue, venues = _dictionary(points["venue"])
    language, languages = _dictionary(points["language"])
    length = min(SNIPPET, SNIPPETS_TOTAL // max(count, 1))
    suspect = points["date_suspect"].to_pylist()
    return {
        "id": points["doc_id"].to_pylist(),
        "title": [visible_text(title) for title in points["title"].to_pylist()],
        "snippet": [snippet(text, length) for text in points["description"].to_pylist()],
        "url": [_web_address(url) for url in points["url"].to_pylist()],
        "copies": [int(copies or 1) for copies in points["copies"].to_pylist()],
        "venue": venue,
        "venues": [visible_text(name) for name in venues],
        "language": language,
        "languages": languages,
        "time": _minutes(points["published_at"]),
        "suspect": [int(bool(value)) for value in suspect],
    }


def _marker_size(count: int) -> float:
    """Return the diameter of a dot in pixels: smaller on a fuller map."""
    size: float = np.interp(np.log10(max(count, 1)), [1, 2, 3, 4, 5], [15, 12, 9, 6, 4])
    return size


def _similar(shown: pa.Table, neighbours: Neighbours | None) -> np.ndarray:
    """Return the rows of the documents most similar to each, (n, k) int32, −1 where there are less.

    Neighbours that the map doesn't show are skipped.
    """
    if neighbours is None or not shown.num_rows:
        return np.empty((shown.num_rows, 0), np.int32)
    known = pa.array(neighbours.doc_id.tolist(), pa.string())
    ids = shown["doc_id"].cast(pa.string())
    row_of = pc.fill_null(pc.index_in(known, ids), -1).to_numpy(zero_copy_only=False)
    at = pc.index_in(ids, known).to_numpy(zero_copy_only=False)
    if np.isnan(at.astype(np.float64)).any():
        return np.empty((shown.num_rows, 0), np.int32)
    rows = row_of[neighbours.indices[at.astype(np.int64), : 3 * SIMILAR]]
    order = np.argsort(rows < 0, axis=1, kind="stable")[:, :SIMILAR]
    return np.take_along_axis(rows, order, axis=1).astype(np.int32)


def _dates(points: pa.Table, story: Ints, count: int) -> dict[str, Any]:
    """Return the range of the time axis, and the stories' articles in equal steps of it."""
    times = np.array([np.nan if t is None else t for t in _minutes(points["published_at"])], float)
    dated = ~np.isnan(times)
    if not dated.any():
        return {"timeRange": None, "storyTrend": []}
    first, last = geometry.core_range(times[dated], (0.01, 0.99))
    used = dated & (story >= 0) & (times >= first) & (times <= last)
    if not used.any():
        return {"timeRange": [int(first), int(last)], "storyTrend": []}
    step = np.minimum((times[used] - first) / max(last - first, 1) * TREND, TREND - 1).astype(int)
    counts = np.bincount(story[used] * TREND + step, minlength=count * TREND)
    return {
        "timeRange": [int(first), int(last)],
        "storyTrend": counts.reshape(count, TREND).tolist(),
    }


def _story_rows(labels: list[int], known: list[int]) -> Ints:
    """Return for each document the row of its story in the table, −1 for none."""
    row_of = {label: row for row, label in enumerate(known)}
    return np.array([row_of.get(label, -1) for label in labels], dtype=np.int64)


def _web_address(url: str | None) -> str | None:
    """Return an address that a click may open, else None: a feed can hold `javascript:`."""
    address = (url or "").strip()
    return address if address.lower().startswith(("http://", "https://")) else None


def _dictionary(column: pa.ChunkedArray) -> tuple[list[int | None], list[str]]:
    """Return a column as indices into its distinct values, and the values; null stays null."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):  # what combine_chunks returns for an empty column
        encoded = pa.array([], pa.string()).dictionary_encode()
    return encoded.indices.to_pylist(), encoded.dictionary.to_pylist()


def _minutes(column: pa.ChunkedArray) -> list[int | None]:
    """Return times as minutes since 1970; null stays null."""
    times = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
    return [None if time is None else time // 60_000_000 for time in times]


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _rounded(box: Floats) -> list[Any]:
    """Return short numbers: four digits are finer than a pixel."""
    rounded: list[Any] = np.round(box, 4).tolist()
    return rounded
