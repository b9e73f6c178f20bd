"""Short titles: unique, at most 32 characters, whole words and characters, in any script."""

import pytest

from newsclust_pipeline.stories.short_titles import MAX_LENGTH, short_titles

LONG = "Captain of the burning Vesterglans ferry was the last to leave her"


def short(title, *keywords):
    [only] = short_titles([title], [list(keywords)])
    return only


@pytest.mark.parametrize(
    ("title", "keywords", "expected"),
    [
        ("Ferry fire kills two", ["ferry fire"], "Ferry fire kills two"),
        ("Ferry fire kills two: captain held by police", ["ferry fire"], "Ferry fire kills two"),
        ("Harvey Weinstein – court overturns conviction", ["Weinstein"], "Harvey Weinstein"),
        ("No going home: tower block to be torn down", ["tower block"], "tower block"),
        ("Ferry: the captain and two of the crew are held", ["ferry", "captain"], "ferry, captain"),
        (LONG, ["Vesterglans", "ferry fire"], "Vesterglans, ferry fire"),
        (LONG, [], "Captain of the burning…"),
        ("加沙停火协议即将达成，" + "以" * 30, ["加沙停火"], "加沙停火协议即将达成"),
        ("加" * 40, [], "加" * 31 + "…"),
        ("انتخابات الرئاسة؛ " + "ك" * 40, ["انتخابات"], "انتخابات الرئاسة"),
        ("नि" * 40, [], "नि" * 15 + "…"),
        ("👩‍👩‍👧‍👦" * 9, [], "👩‍👩‍👧‍👦" * 4 + "…"),
    ],
)  # fmt: skip
def test_the_title_its_first_clause_the_keywords_or_its_beginning(title, keywords, expected):
    assert short(title, *keywords) == expected
    assert len(expected) <= MAX_LENGTH


def test_no_two_stories_share_a_short_title_in_any_case():
    titles = ["Ferry fire", "FERRY FIRE", "Ferry  fire", *[LONG] * 12]
    keywords = [["ferry"], ["ferry"], [], *[["x"]] * 2, *[[]] * 10]
    shown = short_titles(titles, keywords)
    assert shown[:4] == ["Ferry fire", "ferry", "Ferry fire (2)", "x"]
    assert len({title.casefold() for title in shown}) == len(titles)
    assert max(map(len, shown)) <= MAX_LENGTH


def test_a_clause_that_begins_several_titles_names_none_of_them():
    titles = ["Ukraine war: Kyiv hit by missiles overnight", "Ukraine war: grain leaves Odesa port"]
    assert short_titles(titles, [["Ukraine", "Kyiv"], ["Ukraine", "grain"]]) == [
        "Ukraine, Kyiv",
        "Ukraine, grain",
    ]


def test_a_title_without_any_word_has_a_short_title():
    assert short("…") == "…"
    assert short_titles([], []) == []
