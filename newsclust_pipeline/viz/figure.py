"""The Plotly figure of the map: two traces, noise beneath stories. Colours come from page.css."""

from typing import Any

import numpy as np
import pyarrow as pa

from newsclust_pipeline.viz.geometry import Floats
from newsclust_pipeline.viz.page_data import noise_count

_BASE_LAYOUT: dict[str, Any] = {
    "template": None,
    "showlegend": False,
    "hovermode": "closest",
    "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
}


def figure_json(points: pa.Table, positions: Floats, bounds: Floats) -> str:
    """Return the figure as JSON, safe inside a script element.

    Args:
        points: documents, noise first.
        positions: (n, 2) or (n, 3).
        bounds: box of the map, axes × [low, high].
    """
    from plotly import graph_objects as go

    sizes, noise = marker_sizes(points), noise_count(points)
    traces = [
        _trace(positions[:noise], sizes[:noise] * 0.8, opacity=0.75),
        _trace(positions[noise:], sizes[noise:], opacity=0.9),
    ]
    layout = _layout_flat(bounds) if positions.shape[1] == 2 else _layout_in_space(bounds)
    figure = go.Figure(traces, layout | _BASE_LAYOUT)
    # A named engine: with "auto" the bytes would depend on whether orjson is installed.
    return str(figure.to_json(engine="json")).replace("<", "\\u003c")


def marker_sizes(points: pa.Table) -> Floats:
    """Return diameters (n,) in pixels: smaller on fuller maps, larger for more copies."""
    base = np.interp(np.log10(max(points.num_rows, 1)), [1, 2, 3, 4, 5], [15, 12, 9, 6, 4])
    copies = np.array([max(int(copies or 1), 1) for copies in points["copies"].to_pylist()])
    sizes: Floats = np.round(base * np.minimum(1 + 0.3 * np.log2(copies), 2.5), 1)
    return sizes


def _trace(positions: Floats, sizes: Floats, opacity: float) -> Any:
    from plotly import graph_objects as go

    # In space the outlines of hidden markers would shine through those in front.
    kind, outline = (go.Scattergl, 0.5) if positions.shape[1] == 2 else (go.Scatter3d, 0)
    return kind(
        **dict(zip("xyz", positions.T.astype(np.float32), strict=False)),
        mode="markers",
        hoverinfo="none",  # events still come; the page draws its own card
        marker={"size": sizes.astype(np.float32), "opacity": opacity, "line": {"width": outline}},
    )


def _layout_flat(bounds: Floats) -> dict[str, Any]:
    # The page keeps the axes' scales equal: with `scaleanchor` Plotly would compute all points
    # again whenever the view changes.
    x_range, y_range = bounds.tolist()
    return {
        "dragmode": "pan",
        "hoverdistance": 12,
        "spikedistance": 0,  # keeps hover fast on a full map (plotly.js#8036)
        "xaxis": {"visible": False, "range": x_range},
        "yaxis": {"visible": False, "range": y_range},
    }


def _layout_in_space(bounds: Floats) -> dict[str, Any]:
    axes = {
        f"{name}axis": {"visible": False, "showspikes": False, "range": side}
        for name, side in zip("xyz", bounds.tolist(), strict=True)
    }
    camera = {"center": dict.fromkeys("xyz", 0.0), "eye": dict.fromkeys("xyz", 0.85)}
    return {"scene": axes | {"aspectmode": "cube", "dragmode": "turntable", "camera": camera}}
