"""From distinct articles to those that are embedded: nothing is lost from the counts."""

from datetime import timedelta

import pytest

from newsclust_pipeline.ingest.prepare import prepare_articles, select_recent
from newsclust_pipeline.schemas import NEAR_DUPLICATES, RAW_NEWS
from newsclust_pipeline_tests.articles_table import NOON, article, articles_table

FERRY = (
    "A fire broke out in the engine room of the night ferry to Vesterglans on Tuesday, and all 212 "
    "passengers were brought ashore unhurt by lifeboats from three harbours before dawn."
)
STORY = "https://herald.example/news/ferry-fire-off-vesterglans"


def prepared(*rows, days=None, similarity=0.8):
    now = NOON + timedelta(days=400)
    return prepare_articles(articles_table(*rows), days=days, similarity=similarity, now=now)


def fire(title="Ferry fire off Vesterglans", text=FERRY, **fields):
    return article(title, text, **fields)


MERGED = [
    fire("Ferry burns", url=STORY, venue="Herald"),
    fire("Ferry burns off Vesterglans", url=f"{STORY}?utm_source=rss", venue="Herald", hours=1),
    fire("Night ferry on fire", venue="Post", hours=2, copies=3, venues=["Mail", "Post"]),
    article("Clock museum opens", "Two hundred clocks.", venue="Post", hours=3),
]


def test_versions_and_near_duplicates_are_merged_and_counted():
    done = prepared(*MERGED)
    rows = [(r["title"], r["copies"], r["versions"], r["venues"]) for r in done.table.to_pylist()]
    assert rows == [
        ("Ferry burns off Vesterglans", 4, 2, ["Herald", "Mail", "Post"]),
        ("Clock museum opens", 1, 1, ["Post"]),
    ]
    assert done.figures["near_duplicates"] == done.figures["earlier_versions"] == 1


def test_every_merged_article_says_of_which_and_why():
    done = prepared(*MERGED)
    original = done.table["doc_id"][0].as_py()
    version, duplicate = done.duplicates.to_pylist()
    assert (version["title"], version["duplicate_of"]) == ("Ferry burns", original)
    assert version["reason"] == "version of the same page"
    assert version["text_similarity"] is None
    assert (duplicate["title"], duplicate["duplicate_of"]) == ("Night ferry on fire", original)
    assert duplicate["reason"] == "near-duplicate"
    assert duplicate["text_similarity"] == 1
    assert duplicate["headline_similarity"] >= 0.5


def test_a_version_of_a_near_duplicate_names_the_article_that_is_kept():
    rows = [
        fire(venue="Post"),
        fire("Ferry on fire", "Soon more.", url=STORY, venue="Herald", hours=1),
        fire("Night ferry on fire", url=STORY, venue="Herald", hours=2),
    ]
    done = prepared(*rows)
    assert done.table["title"].to_pylist() == ["Ferry fire off Vesterglans"]
    assert set(done.duplicates["duplicate_of"].to_pylist()) == {done.table["doc_id"][0].as_py()}


@pytest.mark.parametrize("rows", [[], MERGED])
def test_tables_have_their_schemas(rows):
    done = prepared(*rows)
    assert done.table.schema == RAW_NEWS.schema
    assert done.duplicates.schema == NEAR_DUPLICATES.schema
    done.table.validate(full=True)
    done.duplicates.validate(full=True)


def test_near_duplicates_can_be_kept():
    done = prepared(*MERGED, similarity=None)
    assert done.table.num_rows == 3
    assert done.figures["near_duplicates"] == 0


def test_articles_stay_in_order_and_rows_add_up():
    done = prepared(*MERGED)
    assert done.table["published_at"].to_pylist() == sorted(done.table["published_at"].to_pylist())
    versions = [r["copies"] for r in done.duplicates.to_pylist() if "version" in r["reason"]]
    assert sum(done.table["copies"].to_pylist()) + sum(versions) == 6


TRAILER = "Sign up here for the daily letter and get the news in your inbox."
PLAIN = {
    "Ferry fire off Vesterglans": "Lifeboats took all passengers ashore.",
    "Clock museum opens its vault": "Two hundred timepieces are on show.",
    "Striker signs for Torvia Rovers": "The contract runs for three seasons.",
    "Grape harvest starts early": "Growers blame a dry spring.",
}


def test_boilerplate_is_shown_but_not_embedded():
    rows = [article(t, f"{d} {TRAILER}", venue="Herald") for t, d in PLAIN.items()]
    done = prepared(*rows)
    assert all(TRAILER in text for text in done.table["text"].to_pylist())
    assert done.table["embedded_text"].to_pylist() == [f"{t}\n{d}" for t, d in PLAIN.items()]
    assert done.figures["boilerplate"] == {TRAILER: 4}
    assert done.figures["texts_with_boilerplate"] == 4


def test_a_trailer_makes_no_near_duplicates_and_hides_none():
    rows = [article(t, f"{TRAILER} {d}", venue="Herald") for t, d in PLAIN.items()]
    rows.append(
        article("Ferry fire off Vesterglans", PLAIN["Ferry fire off Vesterglans"], venue="B")
    )
    done = prepared(*rows)
    assert done.duplicates["reason"].to_pylist() == ["near-duplicate"]
    assert done.duplicates["title"].to_pylist() == ["Ferry fire off Vesterglans"]


def test_suspect_dates_are_flagged_and_neither_latest_nor_newest():
    rows = [article(f"Story {n} of Oldmoor", hours=n, venue="Herald") for n in range(20)]
    rows += [
        fire("Ferry burns off Vesterglans", url=STORY, hours=20),
        fire("Ferry fire", url=STORY, hours=24 * 365 * 70),
    ]
    done = prepared(*rows, days=7)
    assert done.outside_window == 0
    assert "Ferry burns off Vesterglans" in done.table["title"].to_pylist()
    assert done.figures["dates_checked_on"] == "2025-07-08"
    assert done.figures["dates_suspect"] == 0, "the version with the wrong date is merged"
    lonely = prepared(*rows[:20], article("Much later", hours=24 * 365 * 70), days=7)
    assert lonely.table.filter(lonely.table["date_suspect"])["title"].to_pylist() == ["Much later"]


DAYS = [("T0", 0), ("T1", 24), ("T2", 48), ("T3", None)]


@pytest.mark.parametrize(("days", "left"), [(None, 4), (1, 2), (2, 3), (1000, 4)])
def test_a_window_reaches_back_from_the_newest_article_and_keeps_undated_ones(days, left):
    table = articles_table(*(article(t, hours=h) for t, h in DAYS))
    kept = select_recent(table, days)["title"].to_pylist()
    assert len(kept) == left
    assert {"T2", "T3"} <= set(kept)


@pytest.mark.parametrize("rows", [[], [article("Undated", hours=None)]])
def test_a_window_on_articles_without_dates_drops_nothing(rows):
    table = articles_table(*rows)
    assert select_recent(table, 1).equals(table)


def test_the_result_depends_on_the_articles_alone():
    assert prepared(*MERGED).table.equals(prepared(*MERGED).table)
