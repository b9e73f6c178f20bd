"""Keywords: what sets a story apart, in any language, each in one story only."""

import numpy as np
import pytest

from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.stories.keywords import keywords, segmented, twins
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


def found(*stories, noise=(), count=5):
    texts = [text for story in stories for text in story] + list(noise)
    labels = [label for label, story in enumerate(stories) for _ in story] + [-1] * len(noise)
    return keywords(texts, np.array(labels, dtype=np.int32), count)


@pytest.fixture(scope="module")
def sample():
    """The sample's texts, and its gold stories as labels."""
    table = collect_articles(find_dumps(SAMPLE).rows()).table.to_pandas()
    return table["text"].tolist()


def test_a_story_is_told_by_what_it_alone_speaks_of():
    ferry, budget = found(FERRY, BUDGET)
    assert {"ferry fire", "Vesterglans"} <= set(ferry)
    assert set(budget) == {"budget vote", "Kerin"}


def test_words_that_are_everywhere_are_no_keywords(sample):
    ferry, budget = found(FERRY, BUDGET, noise=sample)
    words = {unit.text for keyword in ferry + budget for unit in segmented(keyword)}
    assert not words & {"the", "of", "to", "what", "is", "after", "said", "had"}


def test_no_two_stories_share_a_keyword_in_any_case():
    halves = [[t.replace("Ferry", "FERRY") for t in FERRY], FERRY, BUDGET]
    told = [keyword.casefold() for story in found(*halves) for keyword in story]
    assert len(told) == len(set(told))


def test_no_two_stories_share_a_name_though_each_has_a_half_of_it_to_itself():
    names = [f"Donald Trump {what}" for what in ("pleads", "waits", "smiles", "leaves")]
    one, other = found([*names, "Donald in court"], [*names, "Trump on stage"])
    assert "Donald Trump" in one
    assert "Donald Trump" not in other


def test_no_keyword_of_a_story_is_a_form_of_another():
    protests = [
        f"Protest grows as protesters join protests {day}\nCampus, campuses" for day in "abc"
    ]
    for story in [*found(protests, FERRY), *found(FERRY, BUDGET)]:
        words = [[u.text for u in segmented(keyword)] for keyword in story]
        for row, one in enumerate(words):
            assert not any(twins(a, b) for other in words[:row] for a in one for b in other)


def test_a_word_counts_if_two_articles_have_it_and_a_headline():
    [story] = found(FERRY, count=50)
    words = {unit.text for keyword in story for unit in segmented(keyword)}
    assert "galley" not in words, "in one article"
    assert "captain" in words


def test_a_name_is_one_keyword():
    stories = [
        ["Ariel Henry resigns\nAriel Henry is gone.", "Who is Ariel Henry?", "Ariel Henry flees"]
    ]
    assert found(*stories, FERRY)[0][0] == "Ariel Henry"


def test_words_are_written_as_they_mostly_are():
    stories = [
        ["Transitional council in Haiti\nThe transitional council", "Transitional council sworn in"]
    ]
    assert "transitional council" in found(*stories, FERRY)[0]


def test_scripts_without_spaces_give_words_not_pairs_of_characters():
    chinese, thai = found(CHINESE, THAI)
    assert "加沙停火" in chinese
    assert "以色列" in chinese
    assert "ยุบสภา" in thai
    assert all(len(keyword) > 1 for keyword in chinese + thai)


def test_a_story_alone_in_its_language_is_not_told_by_its_articles(sample):
    [german] = found(GERMAN, noise=sample)
    assert german[0] == "Fähre"
    assert not {"der", "die", "nach der", "auf der"} & set(german)


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
def test_words_are_those_of_unicode(text, words):
    assert [unit.text for unit in segmented(text)] == words


def test_units_stand_where_they_say():
    text = "l’Ukraine and Haiti’s U.S. envoy\n海地总理"
    shown = [text[unit.start : unit.end] for unit in segmented(text)]
    assert shown == ["Ukraine", "and", "Haiti", "U.S", "envoy", "海地", "地总", "总理"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("protest", "protesters", True), ("china", "chinese", True), ("iran", "iraq", False),
     ("us", "us", True), ("us", "usa", False), ("austria", "australia", False)],
)  # fmt: skip
def test_forms_of_one_word_have_a_beginning_in_common(one, other, same):
    assert twins(one, other) == twins(other, one) == same


def test_without_stories_or_words_there_are_no_keywords():
    assert found() == []
    assert found(noise=FERRY) == []
    assert found(["…", "!"]) == [[]]
    assert found(["1 2 3", "1 2 3"]) == [[]]


def test_the_same_texts_give_the_same_keywords_and_only_their_beginning_is_read(sample):
    assert found(FERRY, BUDGET, noise=sample) == found(FERRY, BUDGET, noise=sample)
    long = [text + " " * 700 + "zebra zebra" for text in FERRY]
    assert found(long, BUDGET) == found(FERRY, BUDGET)


def test_a_word_that_only_the_last_of_very_many_articles_say_is_no_exception():
    filler = [f"Nothing {n} here\nNobody {n} spoke." for n in range(200)]
    assert "sluice" in found([*filler, *["Sluice sluice opens\nThe sluice, the sluice."] * 40])[0]
