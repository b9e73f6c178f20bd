"""Headlines are compared without marks of versions and names of outlets, by what they are about."""

import pytest

from newsclust_pipeline.ingest.headlines import (
    Words,
    bare_headline,
    cover,
    headline_key,
    headline_similarity,
    missing,
    tokens,
)

FERRY = "A fire broke out on the night ferry to Vesterglans; all passengers were brought ashore."
NOTICE = "This article is for subscribers only. Log in or subscribe to continue reading."


@pytest.mark.parametrize(
    "title",
    [
        "UPDATE 2-Storm hits the coast",
        "UPDATE 10: Storm hits the coast",
        "CORRECTED-Storm hits the coast",
        "CORRECTED-UPDATE 1-Storm hits the coast",
        "WRAPUP 3-Storm hits the coast",
        "RPT-Storm hits the coast",
        "WATCH: Storm hits the coast",
        "[VIDEO] Storm hits the coast",
        "Live: Storm hits the coast",
        "Storm hits the coast | The Herald",
        "Storm hits the coast - Herald",
        "Storm hits the coast – Herald News",
        "Storm hits the coast | herald.example",
        "BREAKING: Storm hits the coast | Herald",
    ],
)
def test_a_bare_headline_has_no_mark_and_no_outlet(title):
    assert bare_headline(title, "https://herald.example/1", "The Herald") == "Storm hits the coast"


@pytest.mark.parametrize(
    "title",
    [
        "Storm hits the coast - the aftermath",
        "Storm hits the coast | Opinion",
        "Video shows storm at the coast",
        "Update on the storm",
        "UPDATE 2024-25: the budget",
        "Live from the coast: the storm",
        "Herald - the messenger of the gods",
        "The Herald",
    ],
)
def test_other_headlines_are_bare_already(title):
    assert bare_headline(title, "https://herald.example/1", "The Herald") == title


def test_the_host_of_an_address_is_a_name_of_the_outlet():
    assert bare_headline("Storm | Herald", "https://www.herald.example/1", None) == "Storm"
    assert bare_headline("Storm | Herald", None, None) == "Storm | Herald"


def test_keys_ignore_case_spaces_and_punctuation():
    assert headline_key("Earthquake : 90 ,000 flee") == headline_key("EARTHQUAKE: 90,000 flee")
    assert headline_key("Earthquake: 9 dead") != headline_key("Earthquake: 8 dead")
    ascii_text = "".join(map(chr, range(128)))
    assert headline_key(ascii_text) + "é" == headline_key(ascii_text + "É")


def test_tokens_are_words_numbers_and_pairs_of_characters():
    assert tokens("US sends 40 trucks to us") == {"US", "sends", "40", "trucks", "to", "us"}
    assert tokens("船が沈む") == {"船が", "が沈", "沈む"}
    assert tokens("STORM NEARS") == {"storm", "nears"}


@pytest.mark.parametrize(
    ("word", "other", "is_inflected"),
    [
        ("storm", "storms", True),
        ("ukraine", "ukrainian", True),
        ("elect", "elections", True),
        ("iran", "iraq", False),
        ("bridge", "budget", False),
        ("2023", "2024", False),
        ("port", "portugal", True),  # a price of not knowing the language
    ],
)
def test_inflected_words_are_not_missing(word, other, is_inflected):
    assert missing({word}, {other}) == (set() if is_inflected else {word})


def test_cover_weighs_long_words_more():
    assert cover(tokens("the earthquake"), {"earthquake"}) > 0.7
    assert cover(tokens("the earthquake"), {"the"}) < 0.3
    assert cover(frozenset(), {"the"}) == 1


def words(title, body):
    return Words(tokens(title), tokens(body))


@pytest.mark.parametrize(
    ("one", "other", "body"),
    [
        ("Ferry fire off Vesterglans", "Night ferry catches fire, all safe", FERRY),
        ("Ferry fire off Vesterglans", "Ferry fire off Vesterglans: all ashore", NOTICE),
        ("Council approves bridge", "Council approves bridge after debate", NOTICE),
    ],
)
def test_headlines_about_one_event_agree(one, other, body):
    assert headline_similarity(words(one, body), words(other, body)) >= 0.5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Council approves new bridge", "Council approves new budget"),
        ("Clock museum reopens", "Ferry fire off Vesterglans"),
        ("Storm", "Storm kills nine in Larn and leaves hundreds of families homeless"),
        ("博物館が再開", "夜行フェリーで火災"),
    ],
)
def test_headlines_of_articles_that_share_a_notice_only_do_not(one, other):
    assert headline_similarity(words(one, NOTICE), words(other, NOTICE)) < 0.5
