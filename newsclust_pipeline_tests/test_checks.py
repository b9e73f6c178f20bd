"""Every check fires on what it is there for, and is silent on sound data."""

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline import checks
from newsclust_pipeline.resources import NewsDumps
from newsclust_pipeline.stages import lineage
from newsclust_pipeline.stages.neighbours import Neighbours

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
STORIES = pa.table({"story_id": ["sa"], "title": ["Storm nears coast"]})
NO_HISTORY = lineage.HISTORY.empty_table()
HISTORY = lineage.record(NO_HISTORY, LABELS, STORIES, "run", datetime(2026, 3, 2, tzinfo=UTC))

SILENT = {
    "has_documents": (RAW, NEWS),
    "ids_are_unique": (RAW,),
    "vectors_are_sound": (SOUND, RAW),
    "collection_is_complete": ({"count": 3}, SOUND),
    "matrix_is_sound": (NEIGHBOURS, SOUND),
    "neighbours_are_nearest": (CIRCLE, ROUND),
    "labels_cover_raw_news": (LABELS, RAW),
    "positions_cover_raw_news": (RAW, RAW),
    "stories_were_found": (LABELS,),
    "ids_are_consistent": (LABELS,),
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
    ("collection_is_complete", ({"count": 2}, SOUND), "holds 2 documents where 3 were embedded"),
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
    ("history_is_up_to_date", (NO_HISTORY, LABELS), "Materialise story_lineage again"),
]


def evaluate(name, arguments):
    return getattr(checks, name)(dg.build_asset_check_context(), *arguments)


@pytest.mark.parametrize("name", SILENT)
def test_sound_data_passes(name):
    assert evaluate(name, SILENT[name]).passed


@pytest.mark.parametrize(("name", "arguments", "complaint"), FIRING)
def test_what_is_broken_fails_with_a_sentence_that_says_so(name, arguments, complaint):
    verdict = evaluate(name, arguments)
    assert not verdict.passed
    assert complaint in verdict.description


def test_every_check_is_tested_both_ways():
    names = {spec.name for check in checks.CHECKS for spec in check.check_specs}
    assert names == set(SILENT) == {name for name, *_ in FIRING}


def test_all_but_the_warnings_block():
    blocking = {spec.name: spec.blocking for check in checks.CHECKS for spec in check.check_specs}
    assert [name for name, blocks in blocking.items() if not blocks] == [
        "neighbours_are_nearest",
        "stories_were_found",
    ]
    verdict = evaluate("stories_were_found", (pa.table({"label": [-1]}),))
    assert verdict.severity == dg.AssetCheckSeverity.WARN


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
