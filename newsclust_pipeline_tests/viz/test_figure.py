"""The Plotly figure: its traces, marker sizes and axes."""

import pyarrow as pa
import pytest

from newsclust_pipeline.viz import figure
from newsclust_pipeline.viz.page import build_page
from newsclust_pipeline_tests.viz.pages import (
    NOISE,
    Reader,
    count,
    document,
    mixed_page,
    points_of,
    stories_of,
    story,
)


@pytest.fixture
def mixed():
    return mixed_page()


def test_two_webgl_traces_noise_beneath(mixed):
    figure = Reader(mixed).json("figure")
    assert [trace["type"] for trace in figure["data"]] == ["scattergl", "scattergl"]
    assert [count(trace["x"]) for trace in figure["data"]] == [1, 4]
    assert not figure["layout"]["xaxis"]["visible"]


def test_more_copies_make_a_larger_marker():
    table = points_of(document(copies=1), document(copies=8), document(copies=10**9))
    once, often, endless = figure.marker_sizes(table)
    assert once < often <= endless < 3 * once


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
