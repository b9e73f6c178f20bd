"""Text is split into sentences in many scripts, and common beginnings and ends are found."""

import pytest

from newsclust_pipeline.ingest.sentences import (
    common_edge,
    first_units,
    last_units,
    split_sentences,
)


def texts(text, edges=()):
    return [sentence.text for sentence in split_sentences(text, edges)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One. ", "Two! ", "Three? ", "Four"]),
        ('He said "no." Then he left.', ['He said "no." ', "Then he left."]),
        (
            "The U.S. Senate met Mr. J. Doe. He left.",
            ["The U.S. Senate met Mr. J. Doe. ", "He left."],
        ),
        (
            "It rose 3.5 percent at post.example. Why?",
            ["It rose 3.5 percent at post.example. ", "Why?"],
        ),
        ("Wait… what?! Yes.", ["Wait… ", "what?! ", "Yes."]),
        ("Storm | Herald", ["Storm | ", "Herald"]),
        ("船が沈んだ。全員無事。", ["船が沈んだ。", "全員無事。"]),
        ("「大丈夫。」と言った。", ["「大丈夫。」", "と言った。"]),
        ("जहाज डूब गया। सब बच गए।", ["जहाज डूब गया। ", "सब बच गए।"]),
        ("هل غرقت السفينة؟ نعم.", ["هل غرقت السفينة؟ ", "نعم."]),
        ("ነው። አይደለም።", ["ነው። ", "አይደለም።"]),
        ("One", ["One"]),
        ("", []),
    ],
)
def test_marks_of_many_scripts_end_a_sentence(text, sentences):
    assert texts(text) == sentences
    assert "".join(texts(text)) == text


def test_edges_are_sentences_of_their_own():
    assert texts("Home News Dogs bark. Read on", ["home news", "read on"]) == [
        "Home News",
        " Dogs bark. ",
        "Read on",
    ]
    assert texts("Dogs bark Read on", ["home news", "read on"]) == ["Dogs bark ", "Read on"]
    assert texts("Read on", ["read on"]) == ["Read on"]


def test_keys_ignore_case_and_the_mark_at_the_end():
    one, other = (next(split_sentences(text)) for text in ("Read more…", "READ MORE"))
    assert one.key == other.key
    assert not one.is_long
    assert one.is_last


@pytest.mark.parametrize("text", ["Four words are long", "八文字以上の文章だ"])
def test_long_sentences(text):
    assert next(split_sentences(text)).is_long


def test_first_and_last_units_are_words_or_characters():
    assert first_units("Home News Sport Weather Dogs bark") == ["home news sport weather"]
    assert first_units("Home News Sport Weather") == []
    assert last_units("Dogs bark Read on") == ["read on"]
    assert first_units("この記事は有料会員限定です") == ["この記事は有料会"]
    assert last_units("続きを読む") == ["きを読む"]
    assert first_units("") == last_units("") == []


def test_the_common_edge_is_what_most_texts_share():
    leads = ["Home News Dogs bark", "Home News Cats sleep", "Home News Cows moo", "Home News A B"]
    assert common_edge(leads, closing=False) == "home news"
    trailers = ["Dogs Read on", "Cats Read on", "Cows sleep Read on", "A Read on", "Moo"]
    assert common_edge(trailers, closing=True) == "read on"
    assert common_edge(["犬が続きを読む", "猫は続きを読む"], closing=True) == "続きを読む"
    assert common_edge(["a b", "c d"], closing=False) == ""
    assert common_edge([], closing=False) == ""
