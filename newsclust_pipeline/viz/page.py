"""The map: one self-contained HTML page with every document, every story and how it was made.

In this room: what goes into the page (the Plotly figure, the data behind cards, lists and filters)
and its assembly. Not in here: how it looks and behaves; that is the template, the style and the
scripts in `web/`. The same arguments give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from newsclust_pipeline.viz.sampling import thin

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LIMIT = 150_000  # documents that a browser draws well
HUES = 8  # as many as `page.css` names
SNIPPET = 240  # characters of a description that a hover card shows,
SNIPPETS = 14_000_000  # and of all descriptions on the page: a file must stay one to mail
CLOSEST = 0.05  # a zoom never shows less than this share of the map
APART = 0.0016  # share of the map between documents that lie in one place
TREND = 24  # steps of a story's trend
UNTITLED = "Untitled"


def build_page(
    points: pa.Table, stories: pa.Table, facts: Mapping[str, str], limit: int = LIMIT
) -> str:
    """The whole page as HTML text: offline, self-contained, byte-identical for equal arguments.

    Args:
        points: one row per document: `doc_id`, `title`, `description`, `venue`, `url` (strings,
            all but the first two may be null), `published_at` (timestamp, UTC, or null),
            `copies` (int), `label` (int, −1 = in no story), `x`, `y` (map units), and `z` for a
            map in space.
        stories: one row per story, largest first: `label`, `title`, `size`, `outlets`,
            `first_published`, `last_published` (timestamps or null); `copies`, `keywords` (list
            of strings) and `exemplar_doc_id` where they are known.
        facts: name → value, told in the footer in this order.
        limit: with more documents than this the map shows a sample that keeps every story, and
            says so.

    Returns:
        The page. Without documents it says so in place of the map.

    Raises:
        KeyError: a column is missing; the message names it.
    """
    shown = _noise_first(thin(points, stories, limit))
    positions = _apart(_coordinates(shown))
    home = _home(positions)
    parts = {
        "summary": escape(_summary(points, stories)),
        "noise_share": _percent(_noise_share(points)),
        "noise_hidden": "" if _noise(shown) else " hidden",
        "map": _map_slot(points),
        "facts": _facts(_counted(points, shown) | dict(facts)),
        "figure": _figure(shown, positions, home) if points.num_rows else "null",
        "articles": _packed(_json(_articles(points, shown, stories, positions, home))),
    }
    return _assemble(parts, with_map=points.num_rows > 0)


def sign(html: str, facts: Mapping[str, str]) -> str:
    """Give a page's footer facts that differ from run to run; without any, take them out again."""
    return _SIGNATURE.sub(lambda _: f"<!--run-->{_facts(facts)}<!--/run-->", html, count=1)


_SIGNATURE = re.compile("<!--run-->.*?<!--/run-->", flags=re.DOTALL)


# --- data of the page -----------------------------------------------------------------------------


def _noise_first(points: pa.Table) -> pa.Table:
    """Rows in the order of the two traces, so that a point's number finds its row."""
    labels = points["label"].to_numpy()
    return points.take(np.argsort(labels >= 0, kind="stable"))


def _noise(points: pa.Table) -> int:
    return int(np.sum(points["label"].to_numpy() < 0))


def _coordinates(points: pa.Table) -> Floats:
    """Positions, N × 2 or N × 3."""
    axes = [axis for axis in ("x", "y", "z") if axis in points.column_names]
    return np.column_stack([points[axis].to_numpy().astype(np.float64) for axis in axes])


def _articles(
    points: pa.Table, shown: pa.Table, stories: pa.Table, positions: Floats, home: Floats
) -> dict[str, Any]:
    """What the scripts know of documents and stories, column by column; times in minutes UTC."""
    labels = stories["label"].to_pylist()
    story = _story_rows(shown["label"].to_pylist(), labels)
    boxes = _story_boxes(positions, story, stories.num_rows, home)
    everywhere = _story_rows(points["label"].to_pylist(), labels)
    return {
        "sampled": shown.num_rows < points.num_rows,
        "noise": _noise(shown),
        "home": _rounded(home),
        "story": story.tolist(),
        "storyHue": _hues(boxes.mean(axis=2)),
        "storyBox": _rounded(boxes),
        "storyTrend": _trends(points["published_at"], everywhere, stories.num_rows),
        **_story_columns(stories),
        **_card_columns(shown),
    }


def _story_columns(stories: pa.Table) -> dict[str, Any]:
    """What the table of stories shows."""
    some = stories.num_rows * [None]
    known = stories.column_names
    keywords = stories["keywords"].to_pylist() if "keywords" in known else some
    return {
        "storyTitle": [_shown(title) or UNTITLED for title in stories["title"].to_pylist()],
        "storySize": stories["size"].to_pylist(),
        "storyOutlets": stories["outlets"].to_pylist(),
        "storyCopies": stories["copies"].to_pylist() if "copies" in known else some,
        "storyKeywords": [[_shown(word) for word in words or []] for words in keywords],
        "storyFirst": _minutes(stories["first_published"]),
        "storyLast": _minutes(stories["last_published"]),
    }


def _card_columns(points: pa.Table) -> dict[str, Any]:
    """What cards and lists show. Venues repeat, so they are told once and pointed at."""
    venue, venues = _told_once(points["venue"])
    length = min(SNIPPET, SNIPPETS // max(points.num_rows, 1))
    return {
        "title": [_shown(title) for title in points["title"].to_pylist()],
        "snippet": [_snippet(text, length) for text in points["description"].to_pylist()],
        "url": [_web_address(url) for url in points["url"].to_pylist()],
        "copies": [int(copies or 1) for copies in points["copies"].to_pylist()],
        "venue": venue,
        "venues": [_shown(name) for name in venues],
        "time": _minutes(points["published_at"]),
    }


def _told_once(column: pa.ChunkedArray) -> tuple[list[int | None], list[str]]:
    """A column as positions in the list of its distinct values; null stays null."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):  # what combine_chunks leaves of an empty column
        encoded = pa.array([], pa.string()).dictionary_encode()
    return encoded.indices.to_pylist(), encoded.dictionary.to_pylist()


# Orders to write from right to left, within which a text may show as another than it is, and
# control characters, which show as nothing.
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _shown(text: str | None) -> str | None:
    return None if text is None else _UNSEEN.sub("", text)


def _snippet(text: str | None, length: int = SNIPPET) -> str | None:
    """The beginning of a description, cut between words."""
    flat = " ".join((_shown(text) or "").split())
    if len(flat) <= length:
        return flat or None
    return flat[:length].rsplit(" ", 1)[0].rstrip(" ,;:.–-") + "…"


def _web_address(url: str | None) -> str | None:
    """The address if a click may open it: a feed can hold `javascript:` and worse."""
    address = (url or "").strip()
    return address if address.lower().startswith(("http://", "https://")) else None


def _minutes(column: pa.ChunkedArray) -> list[int | None]:
    """Times as minutes since 1970; null stays null."""
    times = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
    return [None if time is None else time // 60_000_000 for time in times]


def _trends(published: pa.ChunkedArray, story: Ints, count: int) -> list[list[int]]:
    """Articles of every story in equal steps from the first to the last day of the whole map."""
    times = np.array([np.nan if t is None else t for t in _minutes(published)], dtype=np.float64)
    told = ~np.isnan(times) & (story >= 0)
    if not told.any():
        return []
    first, last = np.nanmin(times), np.nanmax(times)
    step = np.minimum((times[told] - first) / max(last - first, 1) * TREND, TREND - 1).astype(int)
    counts = np.bincount(story[told] * TREND + step, minlength=count * TREND)
    trends: list[list[int]] = counts.reshape(count, TREND).tolist()
    return trends


# --- geometry -------------------------------------------------------------------------------------


def _story_rows(labels: Sequence[int], known: Sequence[int]) -> Ints:
    """For every document the row of its story in the table, −1 for none."""
    row_of = {label: row for row, label in enumerate(known)}
    return np.array([row_of.get(label, -1) for label in labels], dtype=np.int64)


def _apart(positions: Floats) -> Floats:
    """Move documents that lie in one place onto a spiral around it (Vogel 1979), so all are seen.

    The first stays where it is. Only the plane is used: in space, too, one turns to see them.
    """
    moved = positions.copy()
    _, group = np.unique(positions.astype(np.float32), axis=0, return_inverse=True)
    order = np.argsort(group, kind="stable")
    _, start, size = np.unique(group[order], return_index=True, return_counts=True)
    rank = np.empty(len(order))
    rank[order] = np.arange(len(order)) - np.repeat(start, size)
    across = (np.ptp(positions, axis=0).max() if len(positions) else 0.0) or 1.0
    radius, angle = APART * across * np.sqrt(rank), rank * np.pi * (3 - np.sqrt(5))
    moved[:, 0] += radius * np.cos(angle)
    moved[:, 1] += radius * np.sin(angle)
    return moved


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
        near = np.argpartition(distances, HUES - 1)[: HUES - 1] if row >= HUES else np.arange(row)
        taken = set(hues[near].tolist())
        hues[row] = next(hue for turn in range(HUES) if (hue := (row + turn) % HUES) not in taken)
    return [int(hue) for hue in hues]


def _rounded(box: Floats) -> list[Any]:
    """Short numbers: a box needs no more digits than a screen has pixels."""
    rounded: list[Any] = np.round(box, 4).tolist()
    return rounded


# --- the figure -----------------------------------------------------------------------------------


def _figure(points: pa.Table, positions: Floats, home: Floats) -> str:
    """The Plotly figure as JSON: noise beneath, stories above. Colours come from the style."""
    from plotly import graph_objects as go

    sizes, noise = _marker_sizes(points), _noise(points)
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
    # The page keeps the axes' scales equal: Plotly's `scaleanchor` would compute all points anew
    # whenever the view changes.
    across, up = home.tolist()
    return {
        "dragmode": "pan",
        "hoverdistance": 12,
        "spikedistance": 0,  # keeps hover quick on a full map (plotly.js#8036)
        "xaxis": {"visible": False, "range": across},
        "yaxis": {"visible": False, "range": up},
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


def _counted(points: pa.Table, shown: pa.Table) -> dict[str, str]:
    """The footer's first facts: how many documents there are and, of a sample, how many of them."""
    counted = {"articles": f"{points.num_rows:,}"}
    if shown.num_rows == points.num_rows:
        return counted
    noise, all_noise = _noise(shown), _noise(points)
    return counted | {
        "sample": f"the map shows {shown.num_rows:,} of them: every story, with "
        f"{shown.num_rows - noise:,} of {points.num_rows - all_noise:,} articles, and "
        f"{noise:,} of {all_noise:,} in no story"
    }


# --- HTML -----------------------------------------------------------------------------------------


def _map_slot(points: pa.Table) -> str:
    if points.num_rows:
        return (
            f'<div id="map" tabindex="0" role="application" aria-label="Map of '
            f"{_count(points.num_rows, 'article', 'articles')}. Arrow keys move it, plus and minus "
            'zoom, 0 shows all. The lists beside it say the same in words."></div>'
        )
    return '<p class="empty">No articles yet.<br>The map appears with the first of them.</p>'


def _facts(facts: Mapping[str, str]) -> str:
    told = (
        f"<div><dt>{escape(name)}</dt><dd><bdi>{escape(_shown(value) or '')}</bdi></dd></div>"
        for name, value in facts.items()
    )
    return "".join(told)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _packed(text: str) -> str:
    """Text, deflated and in base64: a fifth to a half of its size, and nothing a parser acts on."""
    return base64.b64encode(zlib.compress(text.encode())).decode("ascii")


def _assemble(parts: Mapping[str, str], *, with_map: bool) -> str:
    plotly, packed = _plotly() if with_map else ("", "")
    code = {"style": _file("page.css"), "script": _script()}
    foreign = _FOREIGN_STYLE.search(plotly)
    return Template(_file("template.html")).substitute(
        parts,
        policy=_policy(code | {"plotly": plotly}),
        plotly=packed,
        foreign_style=foreign[1] if foreign else "none",
        **code,
    )


@cache
def _plotly() -> tuple[str, str]:
    """The script of plotly.js, as it is and packed."""
    from plotly.offline import get_plotlyjs

    script = get_plotlyjs()
    return script, _packed(script)


# plotly.js brings the style of a map library that this page doesn't use, and adds it unless an
# element with its id exists. The template has that element: nothing for the policy to refuse.
_FOREIGN_STYLE = re.compile(r'createElement\("style"\);\w+\.id="([0-9a-f]{64})"')

SCRIPTS = ("data", "state", "view", "labels", "timeline", "panel", "main")
_IMPORT = re.compile(r'^import ({[^}]+}) from "\./(\w+)\.js";$', flags=re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:const|function) (\w+))", flags=re.MULTILINE)


def _script() -> str:
    """The scripts as one: a page that loads nothing can't import. Each becomes a function."""
    return "\n".join(_module(name, _file(f"{name}.js")) for name in SCRIPTS)


def _module(name: str, text: str) -> str:
    exported = ", ".join(found[1] for found in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1", _IMPORT.sub(r"const \1 = \2Module;", text))
    return f"const {name}Module = await (async () => {{\n{body}\nreturn {{ {exported} }};\n}})();"


def _file(name: str) -> str:
    return resources.files(__package__).joinpath("web", name).read_text(encoding="utf-8")


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
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
