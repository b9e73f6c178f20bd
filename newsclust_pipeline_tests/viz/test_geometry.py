"""Bounds, boxes and coincident documents."""

import numpy as np
import pytest

from newsclust_pipeline.viz import geometry, page_data
from newsclust_pipeline_tests.viz.pages import ORCHARD, Reader, build, document, points_of, story


def test_one_document_has_a_map_around_it():
    reader = Reader(build([document(0, x=5.0, y=-2.0)], [story(size=1)]))
    (left, right), (bottom, top) = reader.articles()["home"]
    assert left < 5 < right
    assert bottom < -2 < top
    assert "1 article · 1 story" in reader.visible()


def test_a_story_without_documents_on_the_map_zooms_to_the_whole_map():
    articles = Reader(build([document(0), document(1, x=9.0)], [story(ORCHARD)])).articles()
    (x, y), (home_x, home_y) = articles["storyBox"][0], articles["home"]
    assert x[0] <= home_x[0] < home_x[1] <= x[1]
    assert y[0] <= home_y[0] < home_y[1] <= y[1]


def test_coincident_documents_are_separated_and_the_others_stay():
    rows = [document(n, x=1.0, y=2.0) for n in range(30)] + [document(30, x=50.0, y=2.0)]
    places = geometry.separate_coincident(page_data.coordinates(points_of(*rows)))
    assert len(np.unique(places, axis=0)) == 31
    assert places[0].tolist() == [1, 2]
    assert places[30].tolist() == [50, 2]
    assert np.abs(places[:30] - [1, 2]).max() < 0.01 * 49
    nearest = np.hypot(*(places[:30, None] - places[None, :30] + np.eye(30)[..., None]).T)
    assert nearest.min() > 0.5 * geometry.SEPARATION * 49


@pytest.mark.parametrize(
    "values",
    [
        np.linspace(0, 1, 200),
        np.random.default_rng(0).normal(size=2000).clip(-3.5, 3.5),
        np.array([5.0, 900.0, 7.0]),  # too few to call one an outlier
    ],
    ids=["uniform", "normal", "few"],
)
def test_a_range_without_outliers_holds_all_values(values):
    assert geometry.core_range(values) == (values.min(), values.max())


def test_far_values_are_outside_the_range():
    values = np.concatenate([np.linspace(0, 1, 200), [50.0, -90.0]])
    assert geometry.core_range(values) == (0, 1)
    assert geometry.core_range(np.array([])) == (0, 0)


def test_a_far_island_does_not_squeeze_the_map_and_stays_reachable():
    rng = np.random.default_rng(2)
    island = rng.normal([60, 0], 0.1, (74, 2))
    positions = np.concatenate([rng.normal(size=(1700, 2)), island])
    home = geometry.map_bounds(positions)
    assert np.ptp(home, axis=1).max() < 12
    assert geometry.outside(positions, home) == 74
    full = geometry.map_bounds(positions, outliers=True)
    assert geometry.outside(positions, full) == 0


def test_a_map_in_space_keeps_all_its_documents():
    positions = np.concatenate([np.random.default_rng(2).normal(size=(99, 3)), [[60.0, 0, 0]]])
    assert geometry.outside(positions, geometry.map_bounds(positions)) == 0
