"""Every check of what came in fails on a bad dump, and its threshold can be moved."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import dagster as dg
import pyarrow as pa
import pytest

from newsclust_pipeline.defs.checks import arrivals
from newsclust_pipeline.defs.config import ArticlesConfig
from newsclust_pipeline.defs.resources import NewsDumps
from newsclust_pipeline.schemas import RAW_NEWS
from newsclust_pipeline_tests.conftest import write_dump

DAY = datetime(2024, 6, 3, tzinfo=UTC)


def articles(count=100, odd=0, **values):
    """Articles as in raw_news; the first `odd` of them have these values."""
    usual = {"title": "Ferry docks", "copies": 1, "published_at": DAY}
    columns = {n: [values.get(n, v)] * odd + [v] * (count - odd) for n, v in usual.items()}
    schema = pa.schema([RAW_NEWS.schema.field(name) for name in columns])
    return pa.table(columns, schema=schema)


class Runs:
    """An instance with past runs."""

    def __init__(self):
        self.instance = dg.DagsterInstance.ephemeral()

    def add(self, count=100, news="landing"):
        """Record a run with so many articles."""

        @dg.asset
        def raw_news():
            return dg.MaterializeResult(metadata={"dagster/row_count": count, "news": news})

        dg.materialize([raw_news], instance=self.instance)
        return self


def failed(raw_news, figures=None, runs=None, **config):
    """Return the complaints of the failing checks, by name."""
    usual = {
        "news": "landing",
        "rows_read": raw_news.num_rows,
        "rows_rejected": 0,
        "rows_untitled": 0,
        "dates_unparsed": 0,
        "missing_fields": {},
    }
    arguments = {
        "raw_news": raw_news,
        "figures": usual | (figures or {}),
        "config": ArticlesConfig(**config),
        "news": NewsDumps(path="landing"),
        "context": SimpleNamespace(instance=(runs or Runs()).instance),
    }
    verdicts = {check.name: check.verdict(arguments) for check in arrivals.CHECKS}
    return {name: v.complaint for name, v in verdicts.items() if not v.passed}


SOON, LONG_AGO = datetime.now(UTC) + timedelta(days=30), DAY.replace(year=1904)
BAD = [
    (
        "few_rows_are_rejected",
        (articles(), {"rows_read": 201, "rows_rejected": 101}),
        "101 of 201 rows were rejected, more than max_rejected (50%)",
        {"max_rejected": 0.6},
    ),
    (
        "rows_have_titles",
        (articles(), {"rows_read": 201, "rows_rejected": 101, "rows_untitled": 101}),
        "101 of 201 rows have no title",
        {"max_untitled": 0.6},
    ),
    (
        "rows_have_titles",
        (articles(odd=51, title="?! …"), {}),
        "51 of 100 rows have no title, or one without a letter",
        {"max_untitled": 0.6},
    ),
    (
        "few_rows_are_copies",
        (articles(odd=1, copies=902), {}),
        "1,001 rows hold only 100 articles: more than max_copies (90%)",
        {"max_copies": 0.95},
    ),
    (
        "dates_are_plausible",
        (articles(odd=21, published_at=SOON), {}),
        "0 can't be read, 21 lie in the future, 0 before 1990",
        {"days_ahead": 60},
    ),
    (
        "dates_are_plausible",
        (articles(odd=21, published_at=LONG_AGO), {}),
        "21 before 1990",
        {"first_year": 1900},
    ),
    (
        "dates_are_plausible",
        (articles(odd=100, published_at=None), {"dates_unparsed": 100}),
        "100% of the dates are wrong, more than max_wrong_dates (20%): 100 can't be read",
        {"max_wrong_dates": 1},
    ),
]
ACCEPTABLE = {
    "half the rows rejected": (articles(), {"rows_read": 200, "rows_rejected": 100}),
    "half the titles empty": (articles(), {"rows_read": 200, "rows_untitled": 100}),
    "half the titles mute": (articles(odd=50, title="?!"), {}),
    "titles in other scripts": (articles(odd=100, title="大雪"), {}),
    "nine copies of ten rows": (articles(odd=1, copies=901), {}),
    "a fifth of the dates to come": (articles(odd=20, published_at=SOON), {}),
    "no dates at all": (articles(odd=100, published_at=None), {}),
    "too few rows to judge": (
        articles(1, odd=1, title="?", published_at=SOON),
        {"rows_read": 19, "rows_rejected": 18, "rows_untitled": 18},
    ),
}


@pytest.mark.parametrize(("name", "arrival", "complaint", "allowing"), BAD)
def test_a_bad_dump_is_reported_with_its_threshold_which_can_be_moved(
    name, arrival, complaint, allowing
):
    raw_news, figures = arrival
    complaints = failed(raw_news, figures)
    assert complaint in complaints[name]
    assert "in the run config of raw_news" in complaints[name], "where to allow it"
    assert name not in failed(raw_news, figures, **allowing)


@pytest.mark.parametrize("name", ACCEPTABLE)
def test_a_dump_just_within_the_thresholds_or_too_small_for_shares_passes(name):
    raw_news, figures = ACCEPTABLE[name]
    assert failed(raw_news, figures) == {}


def test_a_dump_without_a_usable_article_is_reported():
    assert "landing: no usable article" in failed(articles(0))["has_documents"]


def test_fewer_than_half_the_articles_of_the_last_runs_is_a_sudden_drop():
    runs = Runs().add(100).add(100).add(100)
    assert failed(articles(50), runs=runs) == {}
    complaint = failed(articles(49), runs=runs)["no_sudden_drop"]
    assert "49 articles where the last runs had 100" in complaint
    assert failed(articles(49), runs=runs, max_drop=1) == {}


def test_a_drop_that_was_allowed_is_usual_from_then_on():
    assert failed(articles(30), runs=Runs().add(100).add(100).add(30)) == {}


def test_one_unusually_large_run_does_not_make_the_usual_number_a_drop():
    assert failed(articles(100), runs=Runs().add(100).add(100).add(1000)) == {}


def test_runs_on_other_news_are_not_compared():
    assert failed(articles(30), runs=Runs().add(500, news="news_sample.csv")) == {}


def test_a_dump_without_dates_outlets_or_texts_is_a_warning():
    gaps = {"a.csv": ["description", "published_at"]}
    complaint = failed(articles(), {"missing_fields": gaps})["dumps_have_all_fields"]
    assert complaint.startswith("a.csv has no description, no published_at. ")
    assert "NEWSCLUST_COLUMNS" in complaint


def test_all_but_the_warnings_block():
    assert [check.name for check in arrivals.CHECKS if not check.blocking] == [
        "few_rows_are_copies",
        "dates_are_plausible",
        "dumps_have_all_fields",
    ]


def test_every_check_is_tested_both_ways():
    names = {name for name, *_ in BAD} | {
        "has_documents",
        "no_sudden_drop",
        "dumps_have_all_fields",
    }
    assert names == {check.name for check in arrivals.CHECKS}


def test_a_blocking_check_stops_the_run_before_anything_is_published(pipeline, sample_rows):
    made = pipeline([row | {"title": ""} for row in sample_rows[:4]])
    assert not made.run().success
    assert (made.data / "rejected_rows.parquet").exists(), "it gives the reasons"
    assert not (made.data / "raw_news.parquet").exists()
    assert not (made.data / "embeddings.parquet").exists()


def test_a_drop_leaves_the_published_articles_as_they_were(pipeline, sample_rows, tmp_path):
    made = pipeline(sample_rows[:60])
    assert made.run().success
    before = {p.name: p.read_bytes() for p in made.data.glob("*.parquet")}
    write_dump(tmp_path / "dump.csv", sample_rows[:10])
    assert not made.run().success
    assert {p.name: p.read_bytes() for p in made.data.glob("*.parquet")} == before


def test_thresholds_are_run_config(pipeline, sample_rows):
    made = pipeline([*sample_rows[:30], *({"title": ""} for _ in range(10))])
    done = made.run({"raw_news": {"max_rejected": 0.2}})
    assert not done.success
    complaints = {e.check_name: e.description for e in done.get_asset_check_evaluations()}
    assert "10 of 40 rows were rejected" in complaints["few_rows_are_rejected"]
