"""Every check fires on what it is there for, and is silent on sound data."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.defs import checks
from newsclust_pipeline.defs.checks import arrivals, integrity
from newsclust_pipeline.defs.config import ArrivalConfig
from newsclust_pipeline.defs.resources import Milvus, NewsDumps
from newsclust_pipeline.ingest.articles import ARTICLES
from newsclust_pipeline.ingest.column_report import ColumnUse, write_report
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.stories import lineage
from newsclust_pipeline_tests import documents

IDS = ["a", "b", "c"]
RAW = pa.table({"doc_id": IDS})
LABELS = pa.table({"doc_id": IDS, "label": [0, 0, -1], "story_id": ["sa", "sa", None]})
NEIGHBOURS = Neighbours(
    doc_id=np.array(IDS),
    indices=np.array([[1], [0], [1]], dtype=np.int32),
    distances=np.array([[0.0], [0.0], [1.0]], dtype=np.float32),
    k=1,
)


def embeddings(vectors, ids=IDS, dimension=None):
    width = len(vectors[0])
    column = pa.array([list(map(float, v)) for v in vectors], pa.list_(pa.float32(), width))
    table = pa.table({"doc_id": list(ids), "embedding": column})
    return table.replace_schema_metadata({"dimension": str(dimension or width)})


SOUND = embeddings([[1, 0], [0, 1], [1, 0]])
NEWS = NewsDumps(path="somewhere.csv")
# Ten documents on a circle: the nearest are the next ones.
ROUND = embeddings(
    [[np.cos(turn), np.sin(turn)] for turn in np.arange(10) * np.pi / 5], ids="abcdefghij"
)
CIRCLE = Neighbours(
    doc_id=np.array(list("abcdefghij")),
    indices=np.array([[(row + 1) % 10] for row in range(10)], dtype=np.int32),
    distances=np.full((10, 1), 2 * np.sin(np.pi / 10), dtype=np.float32),
    k=1,
)
STORY = {"story_id": "sa", "label": 0, "title": "Storm", "size": 2, "exemplar_doc_id": "b"}
STORIES = pa.Table.from_pylist([STORY])


def told(*stories):
    return pa.Table.from_pylist(list(stories))


NO_HISTORY = lineage.HISTORY.empty_table()
HISTORY = lineage.record(NO_HISTORY, LABELS, STORIES, "run", datetime(2026, 3, 2, tzinfo=UTC))

SILENT = {
    "has_documents": (RAW, NEWS),
    "ids_are_unique": (RAW,),
    "vectors_are_sound": (SOUND, RAW),
    "matrix_is_sound": (NEIGHBOURS, SOUND),
    "neighbours_are_nearest": (CIRCLE, ROUND),
    "labels_cover_raw_news": (LABELS, RAW),
    "positions_cover_raw_news": (RAW, RAW),
    "stories_were_found": (LABELS,),
    "ids_are_consistent": (LABELS,),
    "stories_match_labels": (STORIES, LABELS),
    "history_is_up_to_date": (HISTORY, LABELS),
}


def named(*pairs):
    label, story_id = zip(*pairs, strict=True)
    return pa.table({"label": label, "story_id": pa.array(story_id, pa.string())})


NAN = np.float32("nan")
FIRING = [
    ("has_documents", (RAW.slice(0, 0), NEWS), "somewhere.csv: no usable article"),
    ("ids_are_unique", (pa.table({"doc_id": ["a", "a"]}),), "1 ids of raw_news are repeated"),
    ("vectors_are_sound", (embeddings([[1, 0], [NAN, 1], [0, 1]]), RAW), "1 of 3 vectors"),
    ("vectors_are_sound", (embeddings([[1, 0], [0, 0], [0, 3]]), RAW), "2 of 3 vectors"),
    ("vectors_are_sound", (embeddings([[1, 0]] * 3, dimension=384), RAW), "dimension 2, the model"),
    ("vectors_are_sound", (embeddings([[1, 0]] * 3, ids="abx"), RAW), "documents differ"),
    ("matrix_is_sound", (replace(NEIGHBOURS, doc_id=np.array(["a"])), SOUND), "documents differ"),
    (
        "matrix_is_sound",
        (replace(NEIGHBOURS, distances=np.array([[np.nan], [-1], [0]])), SOUND),
        "2 distances are negative or not finite",
    ),
    (
        "neighbours_are_nearest",
        (replace(CIRCLE, distances=CIRCLE.distances + np.eye(10, 1)), ROUND),
        "found 90.0% of the true neighbours, fewer than 95%",
    ),
    ("labels_cover_raw_news", (LABELS.slice(1), RAW), "has 2 rows, raw_news 3"),
    ("positions_cover_raw_news", (pa.table({"doc_id": ["a", "b", "x"]}), RAW), "documents differ"),
    ("stories_were_found", (pa.table({"label": [-1, -1]}),), "all 2 documents are noise. Lower"),
    ("ids_are_consistent", (named((0, "sa"), (0, "sb")),), "1 stories of hdbscan_labels have 2"),
    ("ids_are_consistent", (named((0, "sa"), (1, "sa")),), "2 stories of hdbscan_labels have 1"),
    ("ids_are_consistent", (named((0, "sa"), (0, None)),), "have 1 ids in 2 combinations"),
    ("ids_are_consistent", (named((0, "sa"), (-1, "sb")),), "noise has 1"),
    ("stories_match_labels", (STORIES.slice(1), LABELS), "stories has 0 stories, hdbscan_labels 1"),
    ("stories_match_labels", (told(STORY, STORY), LABELS), "stories has 2 stories"),
    ("stories_match_labels", (told(STORY | {"size": 3}), LABELS), "2 differ in id, label or size"),
    ("stories_match_labels", (told(STORY | {"story_id": "sb"}), LABELS), "2 differ"),
    (
        "stories_match_labels",
        (told(STORY | {"exemplar_doc_id": "c"}), LABELS),
        "1 have an exemplar",
    ),
    (
        "stories_match_labels",
        (told(STORY | {"exemplar_doc_id": "x"}), LABELS),
        "1 have an exemplar",
    ),
    ("history_is_up_to_date", (NO_HISTORY, LABELS), "Materialise story_lineage again"),
]


def evaluate(name, arguments):
    module = arrivals if hasattr(arrivals, name) else integrity
    return getattr(module, name)(dg.build_asset_check_context(), *arguments)


@pytest.mark.parametrize("name", SILENT)
def test_sound_data_passes(name):
    assert evaluate(name, SILENT[name]).passed


@pytest.mark.parametrize(("name", "arguments", "complaint"), FIRING)
def test_what_is_broken_fails_with_a_sentence_that_says_so(name, arguments, complaint):
    verdict = evaluate(name, arguments)
    assert not verdict.passed
    assert complaint in verdict.description


def test_a_collection_that_lacks_a_document_fails_the_check(tmp_path):
    milvus = Milvus(data_dir=str(tmp_path))
    with milvus.client() as client:
        state = asdict(documents.fill(client, milvus.collection, IDS).state)
    stored, longer = documents.embeddings(IDS), documents.embeddings([*IDS, "d"])
    assert evaluate("collection_is_complete", (state, stored, milvus)).passed
    failed = evaluate("collection_is_complete", (state, longer, milvus))
    assert not failed.passed
    assert "Materialise milvus_collection again" in failed.description


# --- what arrived

DAY = datetime(2024, 6, 3, tzinfo=UTC)


def arrived(count=100, odd=0, **values):
    """So many articles as raw_news has them, the first of them odd: with these values."""
    usual = {"title": "Ferry docks", "copies": 1, "published_at": DAY}
    columns = {n: [values.get(n, v)] * odd + [v] * (count - odd) for n, v in usual.items()}
    schema = pa.schema([ARTICLES.field(name) for name in columns])
    return pa.table(columns, schema=schema)


class History:
    """An instance that remembers runs."""

    def __init__(self):
        self.instance = dg.DagsterInstance.ephemeral()

    def run(self, articles=100, embedded=True, news="landing", **told):
        """Record a run: its figures, and whether the checks let it go on."""
        rows = {"rows_read": articles} | told

        @dg.asset
        def raw_news():
            metadata = rows | {"dagster/row_count": articles, "news": news}
            return dg.MaterializeResult(metadata=metadata)

        @dg.asset
        def embeddings():
            return dg.MaterializeResult()

        dg.materialize([raw_news, embeddings][: 1 + embedded], instance=self.instance)
        return self

    def verdicts(self, raw_news, **config):
        """What the checks say of these articles now."""
        context = dg.build_asset_check_context(instance=self.instance)
        found = arrivals.raw_news_checks(context, ArrivalConfig(**config), raw_news)
        return {verdict.check_name: verdict for verdict in found}


def failed(verdicts):
    return {name: v.description for name, v in verdicts.items() if not v.passed}


SOON, LONG_AGO = datetime.now(UTC) + timedelta(days=30), DAY.replace(year=1904)
BAD_ARRIVALS = [
    (
        "few_rows_are_rejected",
        (arrived(), {"rows_read": 201, "rows_rejected": 101}),
        "101 of 201 rows were set aside, more than max_rejected (50%)",
        {"max_rejected": 0.6},
    ),
    (
        "rows_have_titles",
        (arrived(), {"rows_read": 201, "rows_rejected": 101, "rows_untitled": 101}),
        "101 of 201 rows have no title",
        {"max_untitled": 0.6},
    ),
    (
        "rows_have_titles",
        (arrived(odd=51, title="?! …"), {}),
        "51 of 100 rows have no title, or one without a letter",
        {"max_untitled": 0.6},
    ),
    (
        "few_rows_are_copies",
        (arrived(odd=1, copies=902), {}),
        "1,001 rows hold only 100 articles: more than max_copies (90%)",
        {"max_copies": 0.95},
    ),
    (
        "dates_are_plausible",
        (arrived(odd=21, published_at=SOON), {}),
        "0 can't be read, 21 lie in the future, 0 before 1990",
        {"days_ahead": 60},
    ),
    (
        "dates_are_plausible",
        (arrived(odd=21, published_at=LONG_AGO), {}),
        "21 before 1990",
        {"first_year": 1900},
    ),
    (
        "dates_are_plausible",
        (arrived(odd=100, published_at=None), {"dates_unparsed": 100}),
        "100% of the dates are wrong, more than max_wrong_dates (20%): 100 can't be read",
        {"max_wrong_dates": 1},
    ),
]
FINE_ARRIVALS = {
    "half the rows rejected": (arrived(), {"rows_read": 200, "rows_rejected": 100}),
    "half the titles empty": (arrived(), {"rows_read": 200, "rows_untitled": 100}),
    "half the titles mute": (arrived(odd=50, title="?!"), {}),
    "titles in other scripts": (arrived(odd=100, title="大雪"), {}),
    "nine copies of ten rows": (arrived(odd=1, copies=901), {}),
    "a fifth of the dates to come": (arrived(odd=20, published_at=SOON), {}),
    "no dates at all": (arrived(odd=100, published_at=None), {}),
    "too few rows to judge": (
        arrived(1, odd=1, title="?", published_at=SOON),
        {"rows_read": 19, "rows_rejected": 18, "rows_untitled": 18},
    ),
    "nothing at all": (arrived(0), {"rows_read": 0}),
}


@pytest.mark.parametrize(("name", "arrival", "complaint", "allowing"), BAD_ARRIVALS)
def test_a_bad_arrival_is_told_with_its_threshold_which_can_be_moved(
    name, arrival, complaint, allowing
):
    raw_news, told = arrival
    history = History().run(embedded=False, **told)
    found = failed(history.verdicts(raw_news))
    assert complaint in found[name]
    assert "raw_news_checks" in found[name], "where to allow it"
    assert name not in failed(history.verdicts(raw_news, **allowing))


@pytest.mark.parametrize("name", FINE_ARRIVALS)
def test_what_is_just_within_the_thresholds_or_too_little_to_judge_passes(name):
    raw_news, told = FINE_ARRIVALS[name]
    assert failed(History().run(embedded=False, **told).verdicts(raw_news)) == {}


def test_without_a_record_of_the_run_what_the_table_tells_is_judged():
    assert failed(History().verdicts(arrived())) == {}
    assert failed(History().verdicts(arrived(odd=100, title="-"))).keys() == {"rows_have_titles"}


def test_fewer_than_half_the_articles_of_the_last_runs_is_a_sudden_drop():
    history = History().run(100).run(100).run(100)
    assert failed(history.verdicts(arrived(50))) == {}
    found = failed(history.verdicts(arrived(49)))
    assert "49 articles where the last runs had 100" in found["no_sudden_drop"]
    assert failed(history.verdicts(arrived(49), max_drop=1)) == {}


def test_a_drop_that_was_stopped_does_not_become_usual_but_one_let_pass_does():
    history = History().run(100).run(30, embedded=False).run(30, embedded=False)
    assert "no_sudden_drop" in failed(history.verdicts(arrived(30)))
    history.run(30, embedded=True)
    assert failed(history.verdicts(arrived(30))) == {}


def test_one_unusually_large_run_makes_no_drop_of_the_usual_ones():
    history = History().run(100).run(100).run(1000)
    assert failed(history.verdicts(arrived(100))) == {}


def test_runs_on_other_news_are_not_compared():
    history = History().run(500, news="news_sample.csv").run(30, embedded=False)
    assert failed(history.verdicts(arrived(30))) == {}


def test_a_dump_without_dates_outlets_or_texts_is_a_warning():
    report = write_report(
        ColumnUse("a.csv", field, "", 0.5 if field == "venue" else 0.0, "", "")
        for field in ("description", "published_at", "venue")
    )
    raw_news = arrived().replace_schema_metadata({"column_report": report})
    complaint = failed(History().verdicts(raw_news))["dumps_have_all_fields"]
    assert complaint.startswith("a.csv has no description, no published_at. ")
    assert "NEWSCLUST_COLUMNS" in complaint


def test_every_check_is_tested_both_ways():
    names = {spec.name for check in checks.CHECKS for spec in check.check_specs}
    about_arrivals = {name for name, *_ in BAD_ARRIVALS}
    about_arrivals |= {"no_sudden_drop", "dumps_have_all_fields"}
    assert (
        names - about_arrivals - {"collection_is_complete"}
        == set(SILENT)
        == {name for name, *_ in FIRING}
    )


def test_all_but_the_warnings_block():
    blocking = {spec.name: spec.blocking for check in checks.CHECKS for spec in check.check_specs}
    assert [name for name, blocks in blocking.items() if not blocks] == [
        "few_rows_are_copies",
        "dates_are_plausible",
        "dumps_have_all_fields",
        "neighbours_are_nearest",
        "stories_were_found",
    ]
    verdict = evaluate("stories_were_found", (pa.table({"label": [-1]}),))
    assert verdict.severity == dg.AssetCheckSeverity.WARN
    severities = {n: v.severity for n, v in History().verdicts(arrived()).items()}
    assert [n for n, severity in severities.items() if severity == dg.AssetCheckSeverity.WARN] == [
        "few_rows_are_copies",
        "dates_are_plausible",
        "dumps_have_all_fields",
    ]


def test_a_dump_that_is_all_noise_is_a_warning_and_the_map_is_drawn(pipeline, sample_rows):
    made = pipeline(sample_rows[:4])
    done = made.run()
    assert done.success
    verdicts = {e.check_name: e.passed for e in done.get_asset_check_evaluations()}
    assert not verdicts.pop("stories_were_found")
    assert all(verdicts.values())
    assert (made.data / "cluster_plot.html").exists()


def test_a_blocking_check_stops_the_run_before_anything_is_embedded(pipeline, sample_rows):
    unusable = [row | {"title": ""} for row in sample_rows[:4]]
    made = pipeline(unusable)
    done = made.run()
    assert not done.success
    assert (made.data / "rejected_rows.parquet").exists()
    assert not (made.data / "embeddings.parquet").exists()


def test_thresholds_are_run_config_and_stop_the_run_before_anything_is_embedded(
    pipeline, sample_rows
):
    made = pipeline([*sample_rows[:30], *({"title": ""} for _ in range(10))])
    done = made.run({"raw_news_checks": {"max_rejected": 0.2}})
    assert not done.success
    assert not (made.data / "embeddings.parquet").exists()
    told = {e.check_name: e.description for e in done.get_asset_check_evaluations()}
    assert "10 of 40 rows were set aside" in told["few_rows_are_rejected"]
