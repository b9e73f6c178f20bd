"""The map: one self-contained HTML page with every document, every story and how it was made.

In this room: what goes into the page (the Plotly figure, the data behind the hover cards, the
table) and its assembly. Not in here: how it looks and behaves; that is `page/template.html`,
`page/page.css` and `page/page.js`. The same arguments give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from importlib import resources
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HUES = 8  # as many as `page.css` names
SNIPPET = 240  # characters of a description that a hover card shows
CLOSEST = 0.05  # a zoom never shows less than this share of the map
UNTITLED = "Untitled"
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def build_page(points: pa.Table, stories: pa.Table, facts: Mapping[str, str]) -> str:
    """The whole page as HTML text: offline, self-contained, byte-identical for equal arguments.

    Args:
        points: one row per document: `doc_id`, `title`, `description`, `venue`, `url` (strings,
            all but the first two may be null), `published_at` (timestamp, UTC, or null),
            `copies` (int), `label` (int, −1 = in no story), `x`, `y` (map units), and `z` for a
            map in space.
        stories: one row per story, largest first: `label`, `title`, `size`, `outlets`,
            `first_published`, `last_published` (timestamps or null).
        facts: name → value, told in the footer in this order.

    Returns:
        The page. Without documents it says so in place of the map.

    Raises:
        KeyError: a column is missing; the message names it.
    """
    points = _noise_first(points)
    home, articles = _articles(points, stories)
    parts = {
        "summary": escape(_summary(points, stories)),
        "noise_share": _percent(_noise_share(points)),
        "noise_hidden": "" if articles["noise"] else " hidden",
        "map": _map_slot(points),
        "table": _table(stories, articles["storyHue"]),
        "facts": _facts(facts),
        "figure": _figure(points, home) if points.num_rows else "null",
        "articles": _json(articles),
    }
    return _assemble(parts, with_map=points.num_rows > 0)


# --- data of the page -----------------------------------------------------------------------------


def _noise_first(points: pa.Table) -> pa.Table:
    """Rows in the order of the two traces, so that a point's number finds its row."""
    labels = points["label"].to_numpy()
    return points.take(np.argsort(labels >= 0, kind="stable"))


def _coordinates(points: pa.Table) -> Floats:
    """Positions, N × 2 or N × 3."""
    axes = [axis for axis in ("x", "y", "z") if axis in points.column_names]
    return np.column_stack([points[axis].to_numpy().astype(np.float64) for axis in axes])


def _articles(points: pa.Table, stories: pa.Table) -> tuple[Floats, dict[str, Any]]:
    """The map's box, and what the script knows of documents and stories, column by column."""
    positions = _coordinates(points)
    story = _story_rows(points["label"].to_pylist(), stories["label"].to_pylist())
    home = _home(positions)
    boxes = _story_boxes(positions, story, stories.num_rows, home)
    columns = {
        "noise": int(np.sum(points["label"].to_numpy() < 0)),
        "home": _rounded(home),
        "story": story.tolist(),
        "storyTitle": [title or UNTITLED for title in stories["title"].to_pylist()],
        "storyHue": _hues(boxes.mean(axis=2)),
        "storyBox": _rounded(boxes),
    }
    return home, columns | _card_columns(points)


def _card_columns(points: pa.Table) -> dict[str, Any]:
    """What the hover cards show. Venues and days repeat, so they are told once and pointed at."""
    venue, venues = _told_once(points["venue"], pa.string())
    day, days = _told_once(points["published_at"], pa.date32())
    return {
        "title": points["title"].to_pylist(),
        "snippet": [_snippet(text) for text in points["description"].to_pylist()],
        "url": [_web_address(url) for url in points["url"].to_pylist()],
        "copies": [int(copies or 1) for copies in points["copies"].to_pylist()],
        "venue": venue,
        "venues": venues,
        "date": day,
        "dates": [_day(value) for value in days],
    }


def _told_once(column: pa.ChunkedArray, kind: pa.DataType) -> tuple[list[int | None], list[Any]]:
    """A column as positions in the list of its distinct values; null stays null."""
    encoded = column.cast(kind).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):  # what combine_chunks leaves of an empty column
        encoded = pa.array([], kind).dictionary_encode()
    return encoded.indices.to_pylist(), encoded.dictionary.to_pylist()


def _snippet(text: str | None) -> str | None:
    """The beginning of a description, cut between words."""
    flat = " ".join((text or "").split())
    if len(flat) <= SNIPPET:
        return flat or None
    return flat[:SNIPPET].rsplit(" ", 1)[0].rstrip(" ,;:.–-") + "…"


def _web_address(url: str | None) -> str | None:
    """The address if a click may open it: a feed can hold `javascript:` and worse."""
    address = (url or "").strip()
    return address if address.lower().startswith(("http://", "https://")) else None


# --- geometry -------------------------------------------------------------------------------------


def _story_rows(labels: Sequence[int], known: Sequence[int]) -> Ints:
    """For every document the row of its story in the table, −1 for none."""
    row_of = {label: row for row, label in enumerate(known)}
    return np.array([row_of.get(label, -1) for label in labels], dtype=np.int64)


def _home(positions: Floats) -> Floats:
    """Box of the whole map, axes × [low, high]; in space a cube, so that all axes are equal."""
    if not len(positions):
        return np.tile([-1.0, 1.0], (positions.shape[1], 1))
    low, high = positions.min(axis=0), positions.max(axis=0)
    half = (high - low) / 2
    widest = half.max() or 1.0  # one document, or all in one place
    flat = len(half) == 2
    half = np.maximum(half, widest * 0.1) * 1.08 if flat else np.full_like(half, widest * 1.08)
    return _box((low + high) / 2, half)


def _story_boxes(positions: Floats, story: Ints, count: int, home: Floats) -> Floats:
    """The box to zoom to, for every story: stories × axes × [low, high]."""
    low = np.full((count, positions.shape[1]), np.inf)
    high = -low
    inside = story >= 0
    np.minimum.at(low, story[inside], positions[inside])
    np.maximum.at(high, story[inside], positions[inside])
    absent = ~np.isfinite(low)  # a story none of whose documents is on the map: show it all
    low, high = np.where(absent, home[:, 0], low), np.where(absent, home[:, 1], high)
    least = CLOSEST * np.max(home[:, 1] - home[:, 0]) / 2
    return _box((low + high) / 2, np.maximum((high - low) / 2 * 1.35, least))


def _box(centre: Floats, half: Floats) -> Floats:
    return np.stack([centre - half, centre + half], axis=-1)


def _hues(centres: Floats) -> list[int]:
    """A hue per story, unlike those of the nearest stories that were coloured before it."""
    hues = np.zeros(len(centres), dtype=np.int64)
    for row, centre in enumerate(centres):
        distances = np.sum((centres[:row] - centre) ** 2, axis=1)
        taken = set(hues[np.argsort(distances, kind="stable")[: HUES - 1]].tolist())
        hues[row] = next(hue for turn in range(HUES) if (hue := (row + turn) % HUES) not in taken)
    return [int(hue) for hue in hues]


def _rounded(box: Floats) -> list[Any]:
    """Short numbers: a box needs no more digits than a screen has pixels."""
    rounded: list[Any] = np.round(box, 4).tolist()
    return rounded


# --- the figure -----------------------------------------------------------------------------------


def _figure(points: pa.Table, home: Floats) -> str:
    """The Plotly figure as JSON: noise beneath, stories above. Colours come from the style."""
    from plotly import graph_objects as go

    positions, sizes = _coordinates(points), _marker_sizes(points)
    noise = int(np.sum(points["label"].to_numpy() < 0))
    flat = positions.shape[1] == 2
    traces = [
        _trace(positions[:noise], sizes[:noise] * 0.8, opacity=0.75),
        _trace(positions[noise:], sizes[noise:], opacity=0.9),
    ]
    layout = _layout_flat(home) if flat else _layout_in_space(home)
    figure = go.Figure(traces, layout | _BARE)
    # The engine is named: with "auto" the bytes would depend on whether orjson is installed.
    return str(figure.to_json(engine="json")).replace("<", "\\u003c")


_BARE: dict[str, Any] = {
    "template": None,
    "showlegend": False,
    "hovermode": "closest",
    "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
}


def _marker_sizes(points: pa.Table) -> Floats:
    """Diameters in pixels: smaller on a fuller map, larger for what was printed more often."""
    base = np.interp(np.log10(max(points.num_rows, 1)), [1, 2, 3, 4, 5], [15, 12, 9, 6, 4])
    copies = np.array([max(int(copies or 1), 1) for copies in points["copies"].to_pylist()])
    sizes: Floats = np.round(base * np.minimum(1 + 0.3 * np.log2(copies), 2.5), 1)
    return sizes


def _trace(positions: Floats, sizes: Floats, opacity: float) -> Any:
    from plotly import graph_objects as go

    # In space the rims of hidden markers would shine through those in front.
    kind, rim = (go.Scattergl, 0.5) if positions.shape[1] == 2 else (go.Scatter3d, 0)
    return kind(
        **dict(zip("xyz", positions.T.astype(np.float32), strict=False)),
        mode="markers",
        hoverinfo="none",  # events still come; the card is the page's own
        marker={"size": sizes.astype(np.float32), "opacity": opacity, "line": {"width": rim}},
    )


def _layout_flat(home: Floats) -> dict[str, Any]:
    across, up = home.tolist()
    return {
        "dragmode": "pan",
        "hoverdistance": 12,
        "spikedistance": 0,  # keeps hover quick on a full map (plotly.js#8036)
        "xaxis": {"visible": False, "range": across},
        "yaxis": {"visible": False, "range": up, "scaleanchor": "x"},
    }


def _layout_in_space(home: Floats) -> dict[str, Any]:
    axes = {
        f"{name}axis": {"visible": False, "showspikes": False, "range": side}
        for name, side in zip("xyz", home.tolist(), strict=True)
    }
    camera = {"center": dict.fromkeys("xyz", 0.0), "eye": dict.fromkeys("xyz", 0.85)}
    return {"scene": axes | {"aspectmode": "cube", "dragmode": "turntable", "camera": camera}}


# --- words ----------------------------------------------------------------------------------------


def _noise_share(points: pa.Table) -> float:
    """Share of the documents that are in no story, 0 to 1."""
    labels = points["label"].to_numpy()
    return float(np.mean(labels < 0)) if len(labels) else 0.0


def _percent(share: float) -> str:
    """As in "41.5 %", with spaces that don't break."""
    return f"{share:.1%}".removesuffix("%").removesuffix(".0") + "\u00a0%"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,}\u00a0{one if number == 1 else many}"


def _summary(points: pa.Table, stories: pa.Table) -> str:
    said = [
        _count(points.num_rows, "article", "articles"),
        _count(stories.num_rows, "story", "stories"),
    ]
    if points.num_rows:
        said.append(f"{_percent(_noise_share(points))} in no story")
    return " · ".join(said)


_NO_BREAK = "\u2060"


def _day(day: date, *, month: bool = True, year: bool = True) -> str:
    """As in "24 Apr 2024"; not by strftime, whose months follow the machine's language."""
    name = [MONTHS[day.month - 1]] if month else []
    return "\u00a0".join([str(day.day), *name, *([str(day.year)] if year else [])])


def _span(first: date | None, last: date | None) -> str:
    """From the first to the last day, nothing said twice: "24–26 Apr 2024"."""
    if first is None or last is None:
        return _day(known) if (known := first or last) else ""
    if (first.year, first.month, first.day) == (last.year, last.month, last.day):
        return _day(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{_day(first, month=False, year=False)}–{_NO_BREAK}{_day(last)}"
    return f"{_day(first, year=first.year != last.year)}\u00a0– {_day(last)}"


# --- HTML -----------------------------------------------------------------------------------------


def _map_slot(points: pa.Table) -> str:
    if points.num_rows:
        return '<div id="map"></div>'
    return '<p class="empty">No articles yet.<br>The map appears with the first of them.</p>'


def _table(stories: pa.Table, hues: Sequence[int]) -> str:
    """The stories as a table; a row's button makes it reachable by keyboard."""
    if not stories.num_rows:
        return '<p class="empty">No story so far: no articles lie close enough together.</p>'
    head = "".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)
    rows = (_row(row, hues[row], story) for row, story in enumerate(stories.to_pylist()))
    body = "\n".join(rows)
    return (
        '<div class="scroll"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


_COLUMNS = ("Title", "Articles", "Outlets", "Dates")


def _row(row: int, hue: int, story: Mapping[str, Any]) -> str:
    title = escape(story["title"] or UNTITLED)
    dates = _span(story["first_published"], story["last_published"])
    return (
        f'<tr data-story="{row}" aria-selected="false">'
        f'<td><button type="button" class="story" aria-pressed="false">'
        f'<i class="dot hue-{hue}"></i><bdi>{title}</bdi></button></td>'
        f"{_number_cell(story['size'], 'article', 'articles')}"
        f"{_number_cell(story['outlets'], 'outlet', 'outlets')}"
        f"<td>{escape(dates)}</td></tr>"
    )


def _number_cell(number: int | None, one: str, many: str) -> str:
    if number is None:
        return "<td></td>"
    return f'<td data-unit="{one if number == 1 else many}">{number:,}</td>'


def _facts(facts: Mapping[str, str]) -> str:
    told = (
        f"<div><dt>{escape(name)}</dt><dd><bdi>{escape(value)}</bdi></dd></div>"
        for name, value in facts.items()
    )
    return "".join(told)


def _json(value: object) -> str:
    """JSON that can stand in a script element: no `<` that could end it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _assemble(parts: Mapping[str, str], *, with_map: bool) -> str:
    from plotly.offline import get_plotlyjs

    code = {
        "style": _file("page.css"),
        "script": _file("page.js"),
        "plotly": get_plotlyjs() if with_map else "",
    }
    foreign = _FOREIGN_STYLE.search(code["plotly"])
    return Template(_file("template.html")).substitute(
        parts, policy=_policy(code), foreign_style=foreign[1] if foreign else "none", **code
    )


# plotly.js brings the style of a map library that this page doesn't use, and adds it unless an
# element with its id exists. The template has that element: nothing for the policy to refuse.
_FOREIGN_STYLE = re.compile(r'createElement\("style"\);\w+\.id="([0-9a-f]{64})"')


def _file(name: str) -> str:
    return resources.files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def _policy(code: Mapping[str, str]) -> str:
    """Content-Security-Policy: this style, these two scripts, and nothing from anywhere.

    WebGL in plotly.js needs 'unsafe-eval': its drawing commands are compiled at run time.
    """
    empty = _digest("")  # Plotly makes an empty style element and fills it through the CSSOM
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_digest(code['plotly'])} {_digest(code['script'])} 'unsafe-eval'",
            f"style-src {_digest(code['style'])} {empty}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
