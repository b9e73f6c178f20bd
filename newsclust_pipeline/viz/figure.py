"""The Plotly figure of a map in space. page.css has its colours; the scripts give it its points."""

from typing import Any

from newsclust_pipeline.viz.geometry import Floats


def figure_json(bounds: Floats) -> str:
    """Return the figure as JSON: two empty traces, noise beneath stories.

    Args:
        bounds: box of the map, axes × [low, high].
    """
    from plotly import graph_objects as go

    # Hover events still come; the page draws its own card. Outlines of hidden markers would shine
    # through those in front.
    traces = [
        go.Scatter3d(mode="markers", hoverinfo="none", opacity=opacity, marker={"line_width": 0})
        for opacity in (0.75, 0.9)
    ]
    axes: dict[str, Any] = {
        f"{name}axis": {"visible": False, "showspikes": False, "range": side}
        for name, side in zip("xyz", bounds.tolist(), strict=True)
    }
    camera = {"center": dict.fromkeys("xyz", 0.0), "eye": dict.fromkeys("xyz", 0.85)}
    layout = {
        "template": None,
        "showlegend": False,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "scene": axes | {"aspectmode": "cube", "dragmode": "turntable", "camera": camera},
    }
    # A named engine: with "auto" the bytes would depend on whether orjson is installed.
    return str(go.Figure(traces, layout).to_json(engine="json")).replace("<", "\\u003c")
