"""Columns of a sample, and figures about their values."""

from newsclust_pipeline.ingest.samples import Sample


def values(*texts):
    return Sample([{"x": text} for text in texts]).columns[("x",)]


def test_columns_are_known_by_their_paths_and_empty_values_do_not_count():
    sample = Sample([{"a": "Fog", "b": {"c": None}}, {"a": "nan", "b": {"c": " Bees "}}])
    assert {path: column.by_row for path, column in sample.columns.items()} == {
        ("a",): {0: "Fog"},
        ("b", "c"): {1: "Bees"},
    }


def test_shares_are_of_the_values_that_are_there():
    column = values("https://a.example", "", "Fog comes in", None)
    assert column.urls == 0.5
    assert column.words == 2.0
    assert values("a", "a", "b", "").distinct == 2 / 3


def test_dates_and_times_of_day_are_counted():
    column = values("2024-03-05", "2024-03-05T08:15:00Z", "2024-03-05T00:00:00Z", "soon")
    assert column.dates == 0.75
    assert column.clocks == 1 / 3


def test_a_column_without_values_has_figures():
    column = values("", None)
    assert (column.urls, column.words, column.distinct, column.dates, column.clocks) == (0,) * 5
