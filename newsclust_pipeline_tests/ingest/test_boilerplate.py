"""Sentences that recur under unrelated headlines are not embedded; all other text is."""

import pytest

from newsclust_pipeline.ingest.boilerplate import find_boilerplate
from newsclust_pipeline_tests.articles_table import article, articles_table

NEWS = {
    "Ferry fire off Vesterglans": "Lifeboats took all passengers ashore before dawn.",
    "Clock museum opens its vault": "Two hundred timepieces are on show until May.",
    "Striker signs for Torvia Rovers": "The contract runs for three seasons.",
    "Grape harvest starts early in Larn": "Growers blame a dry spring for small berries.",
    "Parliament votes on dog licences": "The bill passed by four votes after midnight.",
    "Comet seen above the hills": "Astronomers expect it to fade within a week.",
}
NOTICES = {
    "English": "Sign up here for the daily letter and get the news in your inbox.",
    "German": "Wir und unsere Partner verwenden Cookies, um Inhalte zu personalisieren.",
    "Japanese": "この記事は有料会員限定です。会員登録すると続きをお読みいただけます。",
    "Chinese": "版权所有，未经授权不得转载。",
    "Arabic": "اشترك في نشرتنا البريدية لتصلك آخر الأخبار؟",
    "Hindi": "ताज़ा खबरों के लिए हमारे साथ बने रहें।",
    "Thai": "สมัครสมาชิกเพื่ออ่านข่าวทั้งหมดได้ที่นี่",
    "menu": "Home News Sport Weather Shop Jobs",
    "short sentences": "Not a member? Join. Support the reporters of your own town. It helps. Now!",
}


def embedded(*rows):
    return find_boilerplate(articles_table(*rows)).embedded.to_pylist()


def with_notice(text, venue="Herald"):
    """The news of an outlet, with a notice in each description."""
    return [article(t, text.format(d, title=t), venue=venue) for t, d in NEWS.items()]


PLAIN = [f"{title}\n{lead}" for title, lead in NEWS.items()]


@pytest.mark.parametrize("notice", NOTICES.values(), ids=NOTICES)
@pytest.mark.parametrize("form", ["{{}} {}", "{} {{}}"], ids=["after", "before"])
def test_a_notice_after_or_before_every_lead_is_left_out(notice, form):
    assert embedded(*with_notice(form.format(notice))) == PLAIN


def test_a_notice_in_the_middle_is_left_out():
    rows = with_notice(
        "{} Sign up here for the daily letter. More details are expected at {title}."
    )
    expected = [f"{t}\n{d} More details are expected at {t}." for t, d in NEWS.items()]
    found = embedded(*rows)
    assert all("Sign up" not in text for text in found)
    assert [text.split(" More")[0] for text in found] == [e.split(" More")[0] for e in expected]


def test_a_trailer_that_quotes_the_headline_is_left_out():
    assert embedded(*with_notice("{} The post {title} appeared first on Herald.")) == PLAIN


@pytest.mark.parametrize(
    "trailer", ["Read more", "Continue reading...", "Weiterlesen", "続きを読む"]
)
def test_a_short_trailer_at_the_end_is_left_out(trailer):
    assert embedded(*with_notice(f"{{}} {trailer}")) == PLAIN


def test_a_notice_alone_leaves_the_headline():
    assert embedded(*with_notice(NOTICES["English"])) == list(NEWS)


def test_sentences_that_a_page_with_notices_repeats_are_embedded_once():
    assert embedded(*with_notice(f"{NOTICES['English']} {{0}} {{0}} {{0}}")) == PLAIN


def test_articles_without_an_outlet_are_those_of_one_outlet():
    assert embedded(*with_notice(f"{{}} {NOTICES['English']}", venue=None)) == PLAIN


def test_a_notice_of_several_outlets_is_left_out():
    rows = [
        article(t, f"{d} {NOTICES['English']}", venue=f"Outlet {i}")
        for i, (t, d) in enumerate(NEWS.items())
    ]
    assert embedded(*rows) == PLAIN


def test_a_notice_that_only_some_articles_have_is_left_out_there():
    plain = [
        article(f"Story number {i} of Oldmoor", f"Lead {i}.", venue="Herald") for i in range(20)
    ]
    found = embedded(*with_notice(f"{{}} {NOTICES['English']}"), *plain)
    assert found == PLAIN + [None] * 20


def test_texts_without_boilerplate_are_embedded_as_they_are():
    assert embedded(*with_notice("{}")) == [None] * 6
    assert embedded() == []


def test_two_occurrences_prove_nothing():
    rows = with_notice("{} " + NOTICES["English"])
    assert embedded(*rows[:2]) == [None, None]


FERRY = (
    "A fire broke out on the night ferry to Vesterglans on Tuesday. All 212 passengers were "
    "brought ashore unhurt. Lifeboats from three harbours took part."
)
FERRY_HEADLINES = [
    "Ferry fire off Vesterglans",
    "Night ferry burns, passengers unhurt",
    "212 passengers brought ashore from ferry",
    "Lifeboats save passengers of burning night ferry",
    "Vesterglans ferry catches fire",
    "Fire on ferry to Vesterglans",
]


@pytest.mark.parametrize("venue", [None, "Herald", "{}"])
def test_a_wire_story_under_many_headlines_is_no_boilerplate(venue):
    rows = [
        article(title, FERRY, venue=venue and venue.format(i))
        for i, title in enumerate(FERRY_HEADLINES)
    ]
    assert embedded(*rows) == [None] * 6


def test_the_background_of_a_long_story_is_no_boilerplate():
    titles = [
        "Torvia dam: search goes on",
        "Torvia dam burst leaves hundreds homeless",
        "Army sends boats to Torvia after dam burst",
        "Dam burst in Torvia: operator charged",
    ]
    background = "The Torvia dam burst on Monday after days of rain."
    rows = [article(t, f"Lead {i}. {background}", venue="Herald") for i, t in enumerate(titles)]
    assert embedded(*rows) == [None] * 4


def test_the_first_words_of_a_weekly_report_are_no_boilerplate():
    titles = [
        "Jobless claims fall to a low of ten years",
        "Surprise rise in jobless claims worries markets",
        "Claims for benefits drop for a fourth week",
        "Fewest claims since April as hiring goes on",
        "Jobless claims little changed after the holidays",
    ]
    ends = ["fell sharply", "rose at once", "fell again", "dipped below the mean", "were flat"]
    rows = [
        article(t, f"Applications for unemployment benefits {end} last week.", venue="Herald")
        for t, end in zip(titles, ends, strict=True)
    ]
    assert embedded(*rows) == [None] * 5


def test_a_rare_sentence_of_a_large_outlet_is_no_boilerplate():
    # 3 of 400: needed are half the square root of 400.
    rows = [
        article(f"Story number {i} of Oldmoor", f"Lead {i}.", venue="Herald") for i in range(395)
    ]
    assert embedded(*rows, *with_notice(f"{{}} {NOTICES['English']}")[:3]) == [None] * 398


def test_a_description_that_is_the_headline_is_embedded():
    assert embedded(*with_notice("{title}")) == [None] * 6


def test_left_out_sentences_are_counted():
    found = find_boilerplate(
        articles_table(*with_notice("{} The post {title} appeared first on H."))
    )
    assert found.counts == {"The post … appeared first on H.": 6}
    assert found.bodies == dict(enumerate(NEWS.values()))
