"""Colours of stories: the largest have their own, neighbours differ."""

import re

import numpy as np
import pytest
from scipy.spatial import cKDTree

from newsclust_pipeline.viz import geometry, page
from newsclust_pipeline.viz.colours import DISTANCE, HUES, LEADING, MUTED, WIDTH, story_colours


def crowd(stories, articles, spread, seed=0):
    """Positions of articles around the centres of their stories."""
    rng = np.random.default_rng(seed)
    story = np.repeat(np.arange(stories), articles)
    centres = rng.uniform(0, 10, (stories, 2))
    return centres[story] + rng.normal(scale=spread, size=(len(story), 2)), story


def conflicts(positions, story, colours):
    """The share of documents with another story's of the same colour within 25 pixels."""
    span = np.ptp(geometry.map_bounds(positions), axis=1).max()
    colour = np.array(colours)[story]
    pairs = cKDTree(positions).query_pairs(span * DISTANCE / WIDTH, output_type="ndarray")
    one, other = pairs.T
    same = (colour[one] == colour[other]) & (story[one] != story[other])
    return len(np.unique(pairs[same])) / len(story)


def colours_of(positions, story):
    return story_colours(positions, story, story.max() + 1, geometry.map_bounds(positions))


def test_the_largest_stories_have_colours_that_no_other_has():
    colours = colours_of(*crowd(60, 5, 0.1))
    assert colours[:LEADING] == list(range(LEADING))
    assert min(colours[LEADING:]) >= LEADING
    assert max(colours) < LEADING + MUTED


@pytest.mark.parametrize(("stories", "articles"), [(60, 8), (400, 14)])
def test_no_two_stories_within_25_pixels_have_one_colour(stories, articles):
    positions, story = crowd(stories, articles, 0.08)
    assert conflicts(positions, story, colours_of(positions, story)) == 0


def test_stories_of_one_region_have_related_hues():
    positions, story = crowd(200, 4, 0.02)
    hues = np.array(colours_of(positions, story))[LEADING:] - LEADING
    centres = np.array([positions[story == n].mean(axis=0) for n in range(200)])[LEADING:]
    right = hues[(centres[:, 0] > 8) & (abs(centres[:, 1] - 5) < 2)] % HUES
    assert np.minimum(right, HUES - right).mean() < 2.5  # of 6 at most, 3 by chance


@pytest.mark.parametrize("count", [0, 1, LEADING, LEADING + 1])
def test_few_stories_and_stories_without_documents_have_colours(count):
    colours = story_colours(np.zeros((1, 2)), np.array([-1]), count, np.array([[-1, 1], [-1, 1]]))
    assert len(colours) == count


def test_the_style_has_every_colour_for_both_schemes():
    style = page._file("page.css")
    for colour in range(LEADING + MUTED):
        assert re.search(
            rf"--colour-{colour}: light-dark\(#[0-9a-f]{{6}}, #[0-9a-f]{{6}}\);", style
        )
