"""The map as a small SVG image, for the Dagster UI, which can't show the page itself."""

import base64

import numpy as np
import pyarrow as pa

WIDTH, HEIGHT = 960, 600
_MAX_POINTS = (
    5000  # points drawn; the image is stored with every run, and shows shapes, not articles
)
# Okabe and Ito's palette, which colour-blind people can tell apart, without its black.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")
_GREY = "#CFD8DC"


def markdown(points: pa.Table) -> str:
    """Return the map as an image in Markdown.

    Args:
        points: one row per document: x and y (float), label (int, -1 for noise). At most 5,000 are
            drawn, evenly spaced in the table.
    """
    encoded = base64.b64encode(svg(points).encode()).decode()
    return f"![the map](data:image/svg+xml;base64,{encoded})"


def svg(points: pa.Table) -> str:
    """Return the map as SVG: a dot per document, stories in colour above grey noise."""
    drawn = points.take(np.arange(0, points.num_rows, max(1, -(-points.num_rows // _MAX_POINTS))))
    label = drawn["label"].to_numpy()
    x, y = _pixels(drawn["x"].to_numpy(), WIDTH), HEIGHT - _pixels(drawn["y"].to_numpy(), HEIGHT)
    colour = np.where(label < 0, -1, label % len(_COLOURS))
    layers = "".join(
        f'<path stroke="{shade}" d="{_dots(x[colour == n], y[colour == n])}"/>'
        for n, shade in enumerate((_GREY, *_COLOURS), start=-1)
        if (colour == n).any()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">'
        '<rect width="100%" height="100%" fill="#fff"/>'
        f'<g stroke-width="5" stroke-linecap="round">{layers}</g></svg>'
    )


def _dots(x: np.ndarray, y: np.ndarray) -> str:
    return "".join(f"M{a} {b}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def _pixels(values: np.ndarray, size: int) -> np.ndarray:
    """Return values scaled to a side of the image, with a margin; a single value in the middle."""
    low, high = (values.min(), values.max()) if len(values) else (0, 0)
    share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    return np.rint(10 + share * (size - 20)).astype(int)
