"""Phrases: the words that mostly stand together, in their most frequent spelling."""

import pytest

from newsclust_pipeline.stories.phrases import TokenizedTexts, find_phrase


def phrase(token, *texts, rarity=lambda _: 1.0):
    return find_phrase(token, TokenizedTexts(texts), rarity)


def test_a_name_is_one_phrase_from_either_of_its_words():
    texts = ["Ariel Henry resigns", "Who is Ariel Henry?", "Ariel Henry flees"]
    assert phrase("henry", *texts) == phrase("ariel", *texts) == (["ariel", "henry"], "Ariel Henry")


def test_a_neighbour_that_is_too_common_does_not_join():
    texts = ["the ferry sank", "the ferry burnt"]
    common = {"the": 0.1}
    assert phrase("ferry", *texts, rarity=lambda t: common.get(t, 1.0)) == (["ferry"], "ferry")
    assert phrase("ferry", *texts) == (["the", "ferry"], "the ferry")


def test_a_neighbour_in_fewer_than_two_thirds_of_the_documents_does_not_join():
    assert phrase("ferry", "ferry fire", "ferry fire", "ferry", "ferry sank")[1] == "ferry"
    assert phrase("ferry", "ferry fire", "ferry fire", "ferry sank")[1] == "ferry fire"


def test_a_phrase_does_not_run_from_a_word_into_a_name_or_across_punctuation():
    assert phrase("minister", "minister Kerin", "minister Kerin")[1] == "minister"
    assert phrase("fire", "fire, captain held", "fire, captain held")[1] == "fire"
    assert phrase("covid", "COVID-19", "COVID-19")[1] == "COVID-19"


def test_scripts_without_spaces_give_a_word_of_several_pairs():
    assert phrase("加沙", "加沙停火协议", "开罗加沙停火") == (["加沙", "沙停", "停火"], "加沙停火")


@pytest.mark.parametrize(
    ("texts", "spelling"),
    [
        (["Ferry", "Ferry", "Ferry", "ferry"], "ferry"),
        (["Ferry", "Ferry", "Ferry", "Ferry", "ferry"], "Ferry"),
    ],
)
def test_lower_case_is_preferred_unless_it_is_rare(texts, spelling):
    assert phrase("ferry", *texts) == (["ferry"], spelling)


def test_a_token_that_no_text_has_is_its_own_phrase():
    assert phrase("sluice", "ferry fire") == (["sluice"], "sluice")
