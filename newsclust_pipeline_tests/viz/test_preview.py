"""The map as a picture: every document a dot, in its story's colour."""

import base64
import re
import xml.etree.ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.viz.preview import HEIGHT, WIDTH, markdown, svg


def points(labels, x=None, y=None):
    count = len(labels)
    x = np.arange(count) if x is None else x
    return pa.table({"label": pa.array(labels, pa.int32()), "x": x, "y": x if y is None else y})


def dots(picture):
    """The places of all dots, by colour."""
    paths = ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}path")  # noqa: S314 (our own)
    return {
        path.get("stroke"): [
            (int(a), int(b)) for a, b in re.findall(r"M(\d+) (\d+)", path.get("d"))
        ]
        for path in paths
    }


def test_every_document_is_a_dot_in_its_storys_colour_noise_below():
    drawn = dots(svg(points([0, 0, 1, -1])))
    assert [len(places) for places in drawn.values()] == [1, 2, 1]
    assert next(iter(drawn)) == "#CFD8DC", "grey is drawn first, so under the others"


def test_up_is_up_and_nothing_lies_outside():
    drawn = dots(svg(points([0, 0, 0], x=[-5.0, 0.0, 5.0], y=[1.0, 2.0, 3.0])))
    ((left, low), _, (right, high)) = drawn["#0072B2"]
    assert 0 < left < right < WIDTH
    assert 0 < high < low < HEIGHT


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_handful_of_documents_is_drawn_too(count):
    drawn = dots(svg(points([-1] * count, x=np.zeros(count))))
    assert sum(map(len, drawn.values())) == count


def test_of_very_many_documents_an_even_share_is_drawn():
    drawn = dots(svg(points(np.random.default_rng(0).integers(-1, 7, 100_001))))
    assert 4000 < sum(map(len, drawn.values())) <= 5000
    assert len(drawn) == 8
    assert len(markdown(points(np.random.default_rng(0).integers(-1, 7, 100_001)))) < 100_000


def test_the_picture_travels_inside_the_markdown():
    told = points([0, -1])
    assert markdown(told).startswith("![the map](data:image/svg+xml;base64,")
    assert base64.b64decode(markdown(told).split(",")[1][:-1]).decode() == svg(told)
