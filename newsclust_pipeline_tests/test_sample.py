"""The bundled sample is what its users are promised."""

import csv
from collections import Counter

from newsclust_pipeline.defs.resources import SAMPLE
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps


def test_columns_are_those_of_the_reference_dump_and_the_story(sample_rows):
    names = "guid,title,description,venue,url,published_at,updated_at,story"
    assert list(sample_rows[0]) == names.split(",")


def test_there_are_enough_articles_stories_and_lone_ones(sample_rows):
    stories = Counter(row["story"] for row in sample_rows)
    lone = stories.pop("")
    assert len(sample_rows) >= 400
    assert len(stories) >= 60
    assert lone >= 100
    assert set(stories.values()) <= set(range(2, 16))


def test_every_row_can_be_used_and_dated_within_two_weeks():
    found = collect_articles(find_dumps(SAMPLE).rows())
    assert found.rejected.num_rows == 0
    assert found.unparsed_dates == 0
    dates = found.table["published_at"].to_pylist()
    assert None not in dates
    assert (max(dates) - min(dates)).days <= 14


def test_it_holds_what_real_dumps_hold(sample_rows):
    found = collect_articles(find_dumps(SAMPLE).rows()).table
    assert sum(copies > 1 for copies in found["copies"].to_pylist()) >= 10, "identical copies"
    assert sum(not row["description"] for row in sample_rows) >= 20
    assert len({row["venue"] for row in sample_rows}) >= 10
    assert sum(not row["title"].isascii() for row in sample_rows) >= 50
    assert len({len(row["published_at"]) for row in sample_rows}) >= 4, "dates in mixed forms"


def test_no_article_is_told_by_template(sample_rows):
    """Openings of five words are hardly ever shared."""
    openings = Counter(" ".join(row["description"].split()[:5]) for row in sample_rows)
    openings.pop("")
    repeated = sum(n - 1 for n in openings.values())
    assert repeated <= 20, "the word-for-word copies, and little else"


def test_guids_and_addresses_are_unique(sample_rows):
    for column in ("guid", "url"):
        assert len({row[column] for row in sample_rows}) == len(sample_rows)


def test_the_file_is_plain_csv():
    with SAMPLE.open(newline="", encoding="utf-8") as file:
        assert {len(row) for row in csv.reader(file)} == {8}
