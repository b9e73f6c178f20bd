"""The parameter sweep as a small page: an SVG scatter plot above the table of all its rows.

The page has no script. A few dozen points need none, and the file stays small enough to mail.
"""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
import pyarrow as pa

WIDTH, HEIGHT = 860, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 24, 52  # margins of the plot, in pixels
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")  # Okabe and Ito
_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1c1b19, #ece8e0);
  --quiet: light-dark(#67625a, #a19b91); --rule: light-dark(#e2ddd3, #33363d); }
body { margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; color: var(--ink);
  background: light-dark(#fff, #17191d); font: 15px/1.45 system-ui, sans-serif; }
svg { display: block; width: 100%; max-width: 860px; height: auto; }
svg text { fill: var(--quiet); font-size: 12px; }
svg .best { fill: var(--ink); font-weight: 600; }
svg line { stroke: var(--rule); }
svg .mark { stroke: light-dark(#fff, #17191d); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: 0.3rem 0.6rem; text-align: right; border-bottom: 1px solid var(--rule); }
th { color: var(--quiet); font-weight: 500; text-align: right; vertical-align: bottom; }
tbody tr:first-child { font-weight: 600; }
"""


def build_page(table: pa.Table) -> str:
    """Return a sweep as an HTML page: share of noise against silhouette, and the table.

    Args:
        table: one row per clustering, best first: `algorithm`, `min_samples` and
            `cluster_selection_method` (null for average linkage), `noise_share` (0 to 1),
            `silhouette` (−1 to 1), and any other columns, which the table below the plot and the
            tooltips show.

    Returns:
        The page, which works offline. Equal tables give equal bytes.
    """
    rows = table.to_pylist()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Parameter sweep</title><style>{_STYLE}</style></head><body>"
        "<h1>Parameters by the silhouette of their stories</h1>"
        "<p>Circle: HDBSCAN, <code>eom</code>. Diamond: HDBSCAN, <code>leaf</code>. Square: "
        "average linkage. Documents without a story count as 0. The recommended row is first.</p>"
        f"{_svg(rows)}{_table(table.column_names, rows)}</body></html>\n"
    )


def format_value(value: object) -> str:
    """Return a value as the page shows it: four significant digits, nothing for null."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _svg(rows: Sequence[dict[str, object]]) -> str:
    x_ticks, y_ticks = _ticks(rows, "noise_share"), _ticks(rows, "silhouette")
    kinds = sorted({_kind(row) for row in rows})
    colours = {kind: _COLOURS[i % len(_COLOURS)] for i, kind in enumerate(kinds)}
    marks = [
        _mark(row, _x(row["noise_share"], x_ticks), _y(row["silhouette"], y_ticks), colours)
        for row in reversed(rows)  # the best is drawn last, above the others
    ]
    best = _best(rows, x_ticks, y_ticks)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Share of noise against '
        f'silhouette of {len(rows)} clusterings; the table below has the same values">'
        f"{_axes(x_ticks, y_ticks)}{''.join(marks)}{best}{_legend(colours)}</svg>"
    )


def _ticks(rows: Iterable[dict[str, object]], column: str) -> list[float]:
    """Return five or so round values that enclose a column.

    Steps are 1, 2 or 5 times a power of ten: values from 0.13 to 0.61 give 0.1, 0.2, …, 0.7.
    """
    values = [float(str(row[column])) for row in rows] or [0.0]
    low, high = min(values), max(values)
    rough = max(high - low, 1e-3) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = int(np.floor(low / step)), int(np.ceil(high / step))
    return [n * step for n in range(first, max(last, first + 1) + 1)]


def _x(value: object, ticks: Sequence[float]) -> float:
    share = (float(str(value)) - ticks[0]) / (ticks[-1] - ticks[0])
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _y(value: object, ticks: Sequence[float]) -> float:
    share = (float(str(value)) - ticks[0]) / (ticks[-1] - ticks[0])
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def _axes(x_ticks: Sequence[float], y_ticks: Sequence[float]) -> str:
    low, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    lines = [
        f'<line x1="{(x := _x(tick, x_ticks))}" x2="{x}" y1="{_TOP}" y2="{low}"/>'
        f'<text x="{x}" y="{low + 18}" text-anchor="middle">{tick:.4g}</text>'
        for tick in x_ticks
    ] + [
        f'<line x1="{_LEFT}" x2="{right}" y1="{(y := _y(tick, y_ticks))}" y2="{y}"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{tick:.4g}</text>'
        for tick in y_ticks
    ]
    middle = (_TOP + low) / 2
    return (
        "".join(lines)
        + f'<text x="{(_LEFT + right) / 2}" y="{HEIGHT - 10}" text-anchor="middle">'
        + "share of noise</text>"
        + f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">'
        + "silhouette</text>"
    )


def _kind(row: dict[str, object]) -> str:
    """Return what the colour of a clustering stands for."""
    if row["algorithm"] == "average":
        return "average linkage"
    return f"min_samples {row['min_samples']}"


def _mark(row: dict[str, object], x: float, y: float, colours: dict[str, str]) -> str:
    """Return one clustering as a circle, diamond or square whose tooltip has all its values."""
    colour = colours[_kind(row)]
    if row["algorithm"] == "average":
        tag, shape = "rect", f'x="{x - 5}" y="{y - 5}" width="10" height="10"'
    elif row["cluster_selection_method"] == "eom":
        tag, shape = "circle", f'cx="{x}" cy="{y}" r="6"'
    else:
        tag, shape = "path", f'd="M{x} {y - 8}l7 8l-7 8l-7 -8z"'
    tooltip = "\n".join(f"{name}: {format_value(value)}" for name, value in row.items())
    title = f"<title>{escape(tooltip)}</title>"
    return f'<{tag} class="mark" {shape} fill="{colour}">{title}</{tag}>'


def _best(
    rows: Sequence[dict[str, object]], x_ticks: Sequence[float], y_ticks: Sequence[float]
) -> str:
    if not rows:
        return ""
    x, y = _x(rows[0]["noise_share"], x_ticks), _y(rows[0]["silhouette"], y_ticks)
    side, anchor = (12, "start") if x < WIDTH / 2 else (-12, "end")
    return (
        f'<text class="best" x="{x + side}" y="{y - 8}" text-anchor="{anchor}">recommended</text>'
    )


def _legend(colours: dict[str, str]) -> str:
    items = [
        f'<circle cx="{WIDTH - 130}" cy="{HEIGHT - _BOTTOM - 16 - 18 * i}" r="5" fill="{colour}"/>'
        f'<text x="{WIDTH - 118}" y="{HEIGHT - _BOTTOM - 12 - 18 * i}">{kind}</text>'
        for i, (kind, colour) in enumerate(colours.items())
    ]
    return "".join(items)


def _table(names: Sequence[str], rows: Iterable[dict[str, object]]) -> str:
    head = "".join(f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(format_value(row[name]))}</td>" for name in names) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
