"""Tokens: words in any script, pairs of characters where there are no spaces, common stems."""

import numpy as np
import pytest

from newsclust_pipeline.stories.tokens import LEAD, lead, same_stem, tokenize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Haiti’s U.S. envoy: l’Ukraine", ["haiti", "us", "envoy", "ukraine"]),
        ("didn't COVID-19", ["didn't", "covid", "19"]),
        ("चुनाव की तारीख", ["चुनाव", "की", "तारीख"]),
        ("海地总理 Ariel", ["海地", "地总", "总理", "ariel"]),
        ("مدرسة", ["مدرسة"]),
        (" – …!", []),
        ("", []),
    ],
)
def test_words_are_found_in_any_script(text, words):
    assert [token.text for token in tokenize(text)] == words


def test_tokens_have_their_position_in_the_text():
    text = "l’Ukraine and Haiti’s U.S. envoy\n海地总理"
    shown = [text[token.start : token.end] for token in tokenize(text)]
    assert shown == ["Ukraine", "and", "Haiti", "U.S", "envoy", "海地", "地总", "总理"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("protest", "protesters", True), ("china", "chinese", True), ("iran", "iraq", False),
     ("us", "us", True), ("us", "usa", False), ("austria", "australia", False)],
)  # fmt: skip
def test_forms_of_one_word_have_a_common_stem(one, other, same):
    assert same_stem(one, other) == same_stem(other, one) == same


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("Ferry fire", "Ferry fire"),
        ("The resort was closed by resid…", "The resort was closed by"),
        ("The resort was closed by resid... [+1234 chars]", "The resort was closed by"),
        ("word " * 200, "word " * 119 + "word"),
        ("a" * 1000, "a" * LEAD),
        ("渡轮" * 400, "渡轮" * 300),
    ],
)
def test_a_lead_ends_with_a_whole_word(text, beginning):
    assert lead(text) == beginning


def test_texts_in_ascii_have_the_tokens_that_the_pattern_for_all_scripts_finds():
    rng = np.random.default_rng(0)
    pieces = ["'", "'", ".", ".", " ", " ", "-", "_", "\n", ",", "t", "s", "U", "S", "a", "ll", "l"]
    pieces += ["42", "Fire", "ferry", "don't", "U.S.", "rock'n'roll", "O'Neill", "it's", "EU's"]
    for length in rng.integers(0, 25, 3000):
        text = "".join(rng.choice(pieces, length))
        # A letter outside ASCII, apart from all others, is one token more.
        assert [*tokenize(text)] == [*tokenize(f"{text}  ü")][:-1], text
