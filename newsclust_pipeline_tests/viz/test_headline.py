"""The headline is a finding."""

import pytest

from newsclust_pipeline.viz.headline import headline
from newsclust_pipeline.viz.history import History, read_history
from newsclust_pipeline_tests.viz.pages import document, history_of, points_of, stories_of, story

NAMES = ["Campus protests", "Bridge", "Frost"]


def of(count, history=None, kinds=None):
    kinds = kinds or ["event"] * count
    stories = stories_of(*(story(n, kind=kind) for n, kind in enumerate(kinds)))
    return headline(points_of(document()), stories, NAMES[:count], history or History())


def test_without_articles_or_stories_it_says_so():
    assert headline(points_of(), stories_of(), [], History()) == "No articles yet"
    assert of(0) == "No story so far"
    assert of(1) == "Campus protests: the only story"


def test_a_first_run_names_the_first_story():
    assert of(3) == "Campus protests: first of 3 stories"


def test_a_column_does_not_lead():
    assert of(3, kinds=["column", "event", "event"]) == "Bridge: first of 3 stories"


@pytest.mark.parametrize(
    ("days", "news"),
    [
        ([1, 2], "1 new story since yesterday"),
        ([1, 9], "1 new story since 1 May"),
        ([1, 2, 2], "2 new stories since yesterday"),
    ],
)
def test_later_runs_count_new_stories_since_the_previous_run(days, news):
    events = [("born", day, f"s{n}", "One") for n, day in enumerate(days)]
    assert of(3, read_history(history_of(*events))).endswith(f"; {news}")


def test_a_run_without_new_stories_says_so():
    history = read_history(history_of(("born", 1, "s1", "One"), ("grown", 2, "s1", "One")))
    assert of(3, history).endswith("; no new story since yesterday")


def test_a_previous_run_of_the_same_day_has_its_time():
    history = History(runs=[60 * 30, 60 * 26])
    assert of(3, history).endswith("since 02:00")
