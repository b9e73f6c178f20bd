"""Near-duplicates are found, and nothing else is."""

import pytest

from newsclust_pipeline.ingest.near_duplicates import find_near_duplicates
from newsclust_pipeline_tests.articles_table import article, articles_table

FERRY = (
    "A fire broke out in the engine room of the night ferry to Vesterglans on Tuesday, and all 212 "
    "passengers were brought ashore unhurt by lifeboats from three harbours before dawn."
)
MUSEUM = (
    "The museum of clocks in Harrowdene will open its vault to visitors for the first time since "
    "the flood of 1961, when two hundred timepieces were carried up to the attic by candlelight."
)
TEMPLATE = (
    "A quake of magnitude {0} was measured near {1} this morning, the agency said. It was felt by "
    "few people and did no damage that is known of. The last one of this strength was in May."
)
BRAND = (
    "Im Maschinenraum der Nachtfähre nach Vesterglans brach am Dienstag ein Feuer aus, alle 212 "
    "Fahrgäste kamen heil an Land."
)
KASAI = "火曜日の夜、夜行フェリーの機関室で火災が発生し、乗客全員が救助された。"
TRAILER = " Read more of our coverage on this page and sign up for the daily letter."


PAYWALL = "This article is for subscribers only. Log in or subscribe to go on reading this story."


def matches(*rows, similarity=0.8):
    """Matches of rows (headline, description, outlet, hours after the first)."""
    table = articles_table(
        *(article(t, d, venue=v, hours=h[0] if h else 0) for t, d, v, *h in rows)
    )
    return find_near_duplicates(table, similarity)


def originals(*rows, similarity=0.8):
    """For each row the one that is kept: itself, or an earlier one."""
    found = matches(*rows, similarity=similarity)
    return [found[row].original if row in found else row for row in range(len(rows))]


@pytest.mark.parametrize(
    "copy",
    [
        ("Night ferry catches fire, all safe", FERRY, "Morning Post"),
        ("Ferry fire off Vesterglans", FERRY + TRAILER, "Morning Post"),
        ("FERRY FIRE OFF VESTERGLANS", FERRY.upper(), "Morning Post"),
        ("UPDATE 1: Ferry fire off Vesterglans", FERRY, "Evening Star"),  # its own outlet
        ("Ferry fire off Vesterglans", FERRY.replace("Tuesday", "Tuesday evening"), None),
        ("Night ferry catches fire, all safe", FERRY, None),
        ("Ferry fire off Vesterglans | Morning Post", FERRY, "Morning Post"),
    ],
    ids=["headline", "trailer", "case", "update", "a word more", "unknown outlet", "suffix"],
)
def test_a_republished_wire_story_is_a_near_duplicate(copy):
    first = ("Ferry fire off Vesterglans", FERRY, "Evening Star")
    other = ("Clocks come to light", MUSEUM, "Evening Star")
    assert originals(first, other, copy) == [0, 1, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # An outlet's boilerplate under headlines of its own.
        (("Storm nears the coast", TRAILER, "Star"), ("Clocks come to light", TRAILER, "Star")),
        # Short texts agree by chance.
        (("Stocks rise", "Markets in brief.", "A"), ("Stocks fall", "Markets in brief.", "B")),
        # A round-up that quotes a short text is not that text.
        (("Ferry fire", FERRY, "A"), ("The week", f"{FERRY} {MUSEUM} {TRAILER}", "B")),
        # The same event in other words.
        (
            ("Ferry fire", FERRY, "A"),
            ("Ferry fire", "Lifeboats took 212 people off a burning ferry near Vesterglans.", "B"),
        ),
        # The same in another language.
        (
            ("Brand auf Fähre", BRAND, "A"),
            ("Ferry fire", FERRY, "B"),
        ),
        (("Ferry fire", None, "A"), ("Clocks", None, "B")),
        # One notice under two headlines, whoever published them.
        (("Storm nears the coast", PAYWALL, "A"), ("Clocks come to light", PAYWALL, "B")),
        (("Storm nears the coast", PAYWALL, None), ("Clocks come to light", PAYWALL, None)),
        (("Council approves bridge", PAYWALL, None), ("Council approves budget", PAYWALL, None)),
        (("Sturm an der Küste", PAYWALL, "A"), ("Storm at the coast", PAYWALL, "B")),
        # One headline over two events.
        (("Storm warning issued", FERRY, "A"), ("Storm warning issued", MUSEUM, "B")),
        (("Storm warning issued", None, "A"), ("Storm warning issued", MUSEUM, "B")),
        # Tables and columns of one outlet.
        (
            ("Quake of 4.1 near Larn", TEMPLATE.format("4.1", "Larn"), "A"),
            ("Quake of 4.7 near Larn", TEMPLATE.format("4.7", "Larn"), "A"),
        ),
        (
            ("Quake near Larn", TEMPLATE.format("4.1", "Larn"), "A"),
            ("Quake near Skarvik", TEMPLATE.format("4.1", "Skarvik"), "A"),
        ),
        (
            ("The morning letter: Monday", FERRY, "A", 0),
            ("The morning letter: Tuesday", FERRY, "A", 24),
        ),
        (
            (
                "Ria Eaton sings on The Voice, season 6, blind auditions, full video and votes",
                None,
                "A",
            ),
            (
                "Josh Kaufman sings on The Voice, season 6, blind auditions, full video and votes",
                None,
                "A",
            ),
        ),
    ],
    ids=[
        "trailer",
        "short",
        "round-up",
        "other words",
        "translation",
        "no description",
        "notice of two outlets",
        "notice of unknown outlets",
        "notice and like headlines",
        "notice in two languages",
        "headline of two events",
        "headline without a text",
        "numbers",
        "places",
        "editions",
        "names",
    ],
)
def test_articles_that_only_resemble_each_other_are_kept(one, other):
    assert originals(one, other) == [0, 1]
    assert originals(other, one) == [0, 1]


def test_near_duplicates_in_scripts_without_spaces_are_found():
    rows = [("フェリー火災", KASAI, "甲"), ("夜行船で火事", KASAI + "続きを読む", "乙")]
    assert originals(*rows) == [0, 0]


def test_a_notice_of_sixty_articles_makes_none_a_duplicate():
    subjects = ("Bridge", "Comet", "Orchard", "Tramline", "Violin", "Lagoon", "Quarry", "Ballot")
    events = ("closes for repairs", "divides the council", "draws a crowd", "sold at auction")
    rows = [(f"{a} in Larn {b}", PAYWALL, None) for a in subjects for b in events]
    assert originals(*rows) == list(range(32))


def test_forty_near_duplicates_have_the_first_as_their_original():
    copies = [
        (f"Night ferry fire off Vesterglans, outlet {i} says", FERRY, f"V{i}") for i in range(40)
    ]
    rows = [("Clocks", MUSEUM, "A"), ("Ferry fire off Vesterglans", FERRY, "A"), *copies]
    assert originals(*rows) == [0, 1] + [1] * 40


def test_a_match_says_how_similar_texts_and_headlines_are():
    changed = FERRY.replace("three", "four")
    (match,) = matches(
        ("Ferry fire", FERRY, "A"), ("Ferry fire off Vesterglans, many dead", changed, "B")
    ).values()
    assert match.original == 0
    assert 0.8 <= match.text_similarity < 1
    assert 0.5 <= match.headline_similarity < 1


def test_boilerplate_is_not_compared():
    rows = [
        article("Storm nears the coast", f"Rain. {PAYWALL}", venue="A"),
        article("Storm nears the coast", f"Hail. {PAYWALL}", venue="B"),
    ]
    assert find_near_duplicates(articles_table(*rows), 0.8, {0: "Rain.", 1: "Hail."}) == {}
    assert set(find_near_duplicates(articles_table(*rows), 0.8)) == {1}


def test_short_texts_of_the_same_words_are_near_duplicates():
    rows = [("Quake: 90,000 flee Larn", None, "A"), ("Quake : 90 ,000 flee Larn", None, "B")]
    assert originals(*rows) == [0, 0]


def test_an_article_with_a_suspect_date_is_no_original():
    rows = [article("Ferry fire", FERRY, venue=v, hours=h) for v, h in (("A", 0), ("B", 1))]
    rows[0]["date_suspect"] = True
    assert find_near_duplicates(articles_table(*rows), 0.8)[0].original == 1


def test_originals_are_no_duplicates_themselves():
    words = (FERRY + " " + MUSEUM).replace(",", "").replace(".", "").split()
    windows = [" ".join(words[start : start + 24]) for start in range(0, 30, 3)]
    rows = [("Title", text, f"V{i}") for i, text in enumerate(windows)]
    found = originals(*rows, similarity=0.7)
    assert all(found[row] == row for row in found)
    assert len(set(found)) > 2


def test_a_higher_similarity_finds_fewer():
    changed = FERRY.replace("unhurt", "safe").replace("harbours", "ports")
    rows = [("Ferry fire", FERRY, "A"), ("Ferry fire", changed, "B")]
    assert originals(*rows, similarity=0.6) == [0, 0]
    assert originals(*rows, similarity=0.95) == [0, 1]


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_articles_need_no_comparison(n):
    assert originals(*[("Ferry fire", FERRY, "A")] * n) == list(range(n))
