"""The history that the page shows: events, joins, and what has gone."""

from newsclust_pipeline.viz.history import History, read_history
from newsclust_pipeline_tests.viz.pages import history_of


def test_no_table_no_rows_and_a_first_run_are_no_history():
    assert read_history(None) == History()
    assert read_history(history_of()) == History()
    assert read_history(history_of(("born", 1, "s1", "One"))) == History()


def test_events_are_in_order_and_runs_newest_first():
    history = read_history(
        history_of(("grown", 2, "s1", "One"), ("born", 1, "s1", "One"), ("shrunk", 3, "s1", "One"))
    )
    assert [event for _, event, *_ in history.events["s1"]] == ["born", "grown", "shrunk"]
    assert history.runs == sorted(history.runs, reverse=True)
    assert len(history.runs) == 3


def test_a_merged_story_is_an_event_of_the_story_that_took_it_in():
    history = read_history(
        history_of(
            ("born", 1, "s1", "One"), ("born", 1, "s2", "Two"), ("merged", 2, "s2", "Two", "s1")
        )
    )
    assert history.events["s1"][-1][1::3] == ["merged", "Two"]
    assert history.gone == [{"title": "Two", "event": "merged", "other": "One"}]


def test_an_articles_last_join_after_the_first_run_counts():
    history = read_history(
        history_of(
            ("born", 1, "s1", "One", None, ["a", "b"]),
            ("grown", 2, "s1", "One", None, ["c"]),
            ("born", 3, "s2", "Two", None, ["c", "d"]),
        )
    )
    newest, *_ = history.runs
    assert history.joined == {"c": newest, "d": newest}
    assert history.born() == 1
