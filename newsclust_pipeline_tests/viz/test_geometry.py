"""Bounds, boxes, hues and coincident documents."""

import re

import numpy as np

from newsclust_pipeline.viz import geometry, page, page_data
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


def test_neighbouring_stories_differ_in_hue():
    reader = Reader(
        build(
            [document(n, label=n, x=float(n % 6), y=float(n // 6)) for n in range(36)],
            [story(n, size=1) for n in range(36)],
        )
    )
    hue = reader.articles()["storyHue"]
    assert set(hue) == set(range(geometry.HUES))
    for n in range(36):
        if n % 6:
            assert hue[n] != hue[n - 1]
        if n >= 6:
            assert hue[n] != hue[n - 6]


def test_the_style_names_every_hue_for_both_schemes():
    style = page._file("page.css")
    for hue in range(geometry.HUES):
        assert re.search(rf"--hue-{hue}: light-dark\(#[0-9a-f]{{6}}, #[0-9a-f]{{6}}\);", style)
        assert f".hue-{hue} {{ --hue: var(--hue-{hue}); }}" in style


def test_coincident_documents_are_separated_and_the_others_stay():
    rows = [document(n, x=1.0, y=2.0) for n in range(30)] + [document(30, x=50.0, y=2.0)]
    places = geometry.separate_coincident(page_data.coordinates(points_of(*rows)))
    assert len(np.unique(places, axis=0)) == 31
    assert places[0].tolist() == [1, 2]
    assert places[30].tolist() == [50, 2]
    assert np.abs(places[:30] - [1, 2]).max() < 0.01 * 49
    nearest = np.hypot(*(places[:30, None] - places[None, :30] + np.eye(30)[..., None]).T)
    assert nearest.min() > 0.5 * geometry.SEPARATION * 49
