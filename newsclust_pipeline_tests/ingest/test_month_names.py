"""Names of months, in the languages of dateparser."""

import pytest

from newsclust_pipeline.ingest.month_names import find_month


@pytest.mark.parametrize(
    ("words", "month"),
    [
        ("March", 3),
        ("SEPT", 9),
        ("Sept.", 9),
        ("März", 3),
        ("août", 8),
        ("aout", 8),
        ("de fevereiro de", 2),
        ("декабря", 12),
        ("ekim", 10),
        ("يناير", 1),
        ("मार्च", 3),
        ("января", 1),
        ("mai", 5),
    ],
)
def test_a_month_is_found_by_its_name(words, month):
    assert find_month(words) == month


@pytest.mark.parametrize("words", ["", "Monday", "at", "listopad", "March April"])
def test_other_words_and_names_of_two_months_are_none(words):
    assert find_month(words) is None
