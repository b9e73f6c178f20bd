"""Stop words by language."""

import pytest

from newsclust_pipeline.stories.stop_words import stop_words


@pytest.mark.parametrize(
    ("language", "word"),
    [("en", "the"), ("en-GB", "respectively"), ("de", "nach"), ("ru", "и"), ("ar", "في")],
)
def test_a_language_has_its_stop_words(language, word):
    assert word in stop_words(language)


@pytest.mark.parametrize("word", ["fire", "case", "state", "bill"])
def test_words_with_content_are_no_stop_words(word):
    assert word not in stop_words("en")


@pytest.mark.parametrize("language", [None, "", "xx", "und"])
def test_an_unknown_language_has_none(language):
    assert stop_words(language) == frozenset()
