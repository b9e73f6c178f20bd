"""The Plotly figure of a map in space."""

import pyarrow as pa

from newsclust_pipeline.viz.page import build_page
from newsclust_pipeline_tests.viz.pages import (
    NOISE,
    Reader,
    document,
    mixed_page,
    points_of,
    stories_of,
    story,
)


def test_map_in_space_has_equal_axes():
    table = points_of(document(0), document(1, x=40.0), document(2, label=NOISE))
    table = table.append_column("z", pa.array([0.0, 1.0, 2.0]))
    figure = Reader(build_page(table, stories_of(story()), {})).json("figure")
    assert [trace["type"] for trace in figure["data"]] == ["scatter3d", "scatter3d"]
    scene = figure["layout"]["scene"]
    lengths = {
        round(high - low, 6) for low, high in (scene[f"{axis}axis"]["range"] for axis in "xyz")
    }
    assert len(lengths) == 1
    assert scene["aspectmode"] == "cube"


def test_a_flat_map_has_no_figure():
    assert Reader(mixed_page()).json("figure") is None
