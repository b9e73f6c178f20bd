"""Keywords: characteristic of one story and no other, in any language."""

import numpy as np
import pytest

from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.stories import keywords as stories_keywords
from newsclust_pipeline.stories.keywords import Corpus, keywords
from newsclust_pipeline.stories.tokens import same_stem, tokenize
from newsclust_pipeline_tests.engines import Pickling
from newsclust_pipeline_tests.test_sample import SAMPLE

FERRY = [
    "Ferry fire off Vesterglans kills two\nThe captain said the fire began below the deck.",
    "Captain of the Vesterglans ferry held\nPolice hold the captain after the ferry fire.",
    "What we know of the ferry fire at Vesterglans\nThe two who died were in the galley.",
]
BUDGET = [
    "Slovenia's budget falls\nThe parliament has rejected the budget of Kerin.",
    "Kerin to resign after the budget vote\nThe coalition had the votes, said the whip.",
    "The budget vote and what is next for Kerin\nThe parliament will sit on Monday.",
]
CHINESE = [
    "加沙停火协议即将达成\n以色列和哈马斯正在谈判。",
    "埃及称加沙停火谈判取得进展\n哈马斯代表团抵达开罗。",
    "以色列内阁讨论加沙停火方案\n总理召集内阁会议。",
]
THAI = [
    "นายกรัฐมนตรีประกาศยุบสภา\nเมื่อวันจันทร์",
    "ยุบสภาแล้ว เลือกตั้งใหม่\nนายกรัฐมนตรีกล่าว",
    "ฝ่ายค้านพร้อมหลังยุบสภา\nพรรคฝ่ายค้านกล่าว",
]
GERMAN = [
    "Brand auf der Fähre: Reederei weist Schuld von sich\nNach dem Brand auf der Fähre.",
    "Fähre brennt, was über das Unglück bekannt ist\nAuf der Fähre sind zwei gestorben.",
    "Die Suche nach der Ursache auf der Fähre\nDie Reederei sucht nach der Ursache.",
]


def keywords_of(*stories, noise=(), count=5):
    texts = [text for story in stories for text in story] + list(noise)
    labels = [label for label, story in enumerate(stories) for _ in story] + [-1] * len(noise)
    return keywords(Corpus(texts), np.array(labels, dtype=np.int32), count)


@pytest.fixture(scope="module")
def sample():
    """The sample's texts, and its gold stories as labels."""
    table = collect_articles(find_dumps(SAMPLE).rows()).table.to_pandas()
    return table["text"].tolist()


def test_keywords_are_what_only_this_story_mentions():
    ferry, budget = keywords_of(FERRY, BUDGET)
    assert {"ferry fire", "Vesterglans"} <= set(ferry)
    assert set(budget) == {"budget vote", "Kerin"}


def test_common_words_are_not_keywords(sample):
    ferry, budget = keywords_of(FERRY, BUDGET, noise=sample)
    words = {token.text for keyword in ferry + budget for token in tokenize(keyword)}
    assert not words & {"the", "of", "to", "what", "is", "after", "said", "had"}


def test_no_two_stories_share_a_keyword_in_any_case():
    halves = [[t.replace("Ferry", "FERRY") for t in FERRY], FERRY, BUDGET]
    all_keywords = [keyword.casefold() for story in keywords_of(*halves) for keyword in story]
    assert len(all_keywords) == len(set(all_keywords))


def test_no_two_stories_share_a_name_if_each_has_half_of_it_to_itself():
    names = [f"Donald Trump {what}" for what in ("pleads", "waits", "smiles", "leaves")]
    one, other = keywords_of([*names, "Donald in court"], [*names, "Trump on stage"])
    assert "Donald Trump" in one
    assert "Donald Trump" not in other


def test_no_keyword_of_a_story_is_a_form_of_another():
    protests = [
        f"Protest grows as protesters join protests {day}\nCampus, campuses" for day in "abc"
    ]
    for story in [*keywords_of(protests, FERRY), *keywords_of(FERRY, BUDGET)]:
        words = [[t.text for t in tokenize(keyword)] for keyword in story]
        for row, one in enumerate(words):
            assert not any(same_stem(a, b) for other in words[:row] for a in one for b in other)


def test_a_keyword_needs_two_articles_and_a_headline():
    [story] = keywords_of(FERRY, count=50)
    words = {token.text for keyword in story for token in tokenize(keyword)}
    assert "galley" not in words, "in one article"
    assert "captain" in words


def test_a_name_is_one_keyword():
    stories = [
        ["Ariel Henry resigns\nAriel Henry is gone.", "Who is Ariel Henry?", "Ariel Henry flees"]
    ]
    assert keywords_of(*stories, FERRY)[0][0] == "Ariel Henry"


def test_keywords_have_their_most_frequent_spelling():
    stories = [
        ["Transitional council in Haiti\nThe transitional council", "Transitional council sworn in"]
    ]
    assert "transitional council" in keywords_of(*stories, FERRY)[0]


def test_scripts_without_spaces_give_words_instead_of_pairs_of_characters():
    chinese, thai = keywords_of(CHINESE, THAI)
    assert "加沙停火" in chinese
    assert "以色列" in chinese
    assert "ยุบสภา" in thai
    assert all(len(keyword) > 1 for keyword in chinese + thai)


def test_a_story_alone_in_its_language_has_no_grammatical_words_as_keywords(sample):
    [german] = keywords_of(GERMAN, noise=sample)
    assert german[0] == "Fähre"
    assert not {"der", "die", "nach der", "auf der"} & set(german)


def test_without_stories_or_words_there_are_no_keywords():
    assert keywords_of() == []
    assert keywords_of(noise=FERRY) == []
    assert keywords_of(["…", "!"]) == [[]]
    assert keywords_of(["1 2 3", "1 2 3"]) == [[]]


def test_keywords_are_deterministic_and_only_the_lead_is_read(sample):
    assert keywords_of(FERRY, BUDGET, noise=sample) == keywords_of(FERRY, BUDGET, noise=sample)
    long = [text + " " * 700 + "zebra zebra" for text in FERRY]
    assert keywords_of(long, BUDGET) == keywords_of(FERRY, BUDGET)


def test_a_word_of_only_the_last_of_many_articles_can_be_a_keyword():
    filler = [f"Nothing {n} here\nNobody {n} spoke." for n in range(200)]
    assert (
        "sluice"
        in keywords_of([*filler, *["Sluice sluice opens\nThe sluice, the sluice."] * 150])[0]
    )


def test_stop_words_of_the_language_are_neither_keywords_nor_parts_of_them(sample):
    texts = ["She went home after she went to sea\nShe went"] * 3 + sample
    labels = np.array([0] * 3 + [-1] * len(sample), dtype=np.int32)
    [plain] = keywords(Corpus(texts), labels)
    assert any("she" in keyword.lower() for keyword in plain)
    [english] = keywords(Corpus(texts), labels, languages=["en"])
    assert "she" not in {token.text for keyword in english for token in tokenize(keyword)}


def test_many_stories_are_divided_with_the_same_keywords(monkeypatch):
    # Neighbouring stories share a word, for which they compete.
    texts = [
        f"Ferry{story // 2} burns off Isle{story}\nCrew of Ferry{story // 2} safe, says {day}"
        for story in range(40)
        for day in ("Monday", "Tuesday", "the owner")
    ]
    labels = np.repeat(np.arange(40), 3)
    expected = keywords(Corpus(texts), labels, languages=["en"] * 40)
    assert len({word for words in expected for word in words}) > 40
    monkeypatch.setattr(stories_keywords, "_TEXTS", 7)
    monkeypatch.setattr(stories_keywords, "_STORIES", 3)
    engine = Pickling()
    corpus = Corpus(texts, engine)
    assert corpus.tokens == Corpus(texts).tokens
    assert keywords(corpus, labels, languages=["en"] * 40, engine=engine) == expected
    for label, words in enumerate(expected):
        assert words, label


def test_a_keyword_that_two_divided_stories_choose_goes_to_the_first(monkeypatch):
    texts = [
        *["New York\nWater in the streets"] * 3,
        "York\nIn New York the water is in the streets",
        *[f"New {what} counted\nOfficials of New York gave {what}s" for what in ("vote", "poll")],
        "New tally counted\nOfficials of New York gave tallies",
    ]
    labels = np.array([0, 0, 0, 0, 1, 1, 1])
    expected = keywords(Corpus(texts), labels)
    monkeypatch.setattr(stories_keywords, "_STORIES", 1)
    engine, corpus = Pickling(), Corpus(texts)
    stories = stories_keywords._stories(corpus, labels, ())
    apart = stories_keywords._choices(corpus, stories, 5, engine)
    assert all("new york" in choice for choice in apart)
    assert keywords(corpus, labels, engine=engine) == expected
    assert ["New York" in words for words in expected] == [True, False]
