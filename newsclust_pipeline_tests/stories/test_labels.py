"""The table of labels: every document's story, and the nearest one of documents in none."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.candidates import Documents
from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import Clusters
from newsclust_pipeline.cluster.nearest_story import Nearest
from newsclust_pipeline.stories.labels import (
    add_cohesion_and_topics,
    add_nearest_story,
    labels_table,
    noise_share,
)


def clusters(*labels):
    labels = np.array(labels, dtype=np.int32)
    return Clusters(
        labels, np.where(labels == NOISE, 0.0, 0.75), np.full(len({*labels} - {NOISE}), 0.5)
    )


def ids(*names):
    return np.array(names, dtype=np.str_)


def test_every_document_has_its_label_probability_and_story():
    table = labels_table(ids("a", "b", "c", "d"), clusters(1, NOISE, 0, 1), ["sc", "sa"])
    types = [pa.string(), pa.int32(), pa.float64(), pa.string(), pa.float64()]
    assert table.schema.types == types
    assert table.to_pydict() == {
        "doc_id": ["a", "b", "c", "d"],
        "label": [1, NOISE, 0, 1],
        "probability": [0.75, 0.0, 0.75, 0.75],
        "story_id": ["sa", None, "sc", "sa"],
        "persistence": [0.5, None, 0.5, 0.5],
    }


def test_noise_has_a_nearest_story():
    labels = labels_table(ids("a", "b", "c"), clusters(0, 0, NOISE), ["sa"])
    nearest = Nearest(np.array([NOISE, NOISE, 0]), np.array([np.nan, np.nan, 0.5]))
    table = add_nearest_story(labels, nearest).to_pydict()
    assert table["nearest_story_id"] == [None, None, "sa"]
    assert table["nearest_story_strength"] == [None, None, 0.5]
    assert table["label"][2] == NOISE, "it stays noise"


@pytest.mark.parametrize("labels", [(), (NOISE,), (NOISE, NOISE, NOISE)])
def test_without_stories_every_id_is_null_and_the_column_is_text(labels):
    table = labels_table(ids(*"abc"[: len(labels)]), clusters(*labels), [])
    assert table["story_id"].to_pylist() == [None] * len(labels)
    assert table["story_id"].type == pa.string()
    assert table["doc_id"].type == pa.string()


@pytest.mark.parametrize(
    ("labels", "share"), [([], 0), ([0, 0], 0), ([NOISE, 0, NOISE, 0], 0.5), ([NOISE], 1)]
)
def test_the_noise_share_counts_documents_in_no_story(labels, share):
    assert noise_share(pa.table({"label": pa.array(labels, pa.int32())})) == share


def test_documents_have_a_silhouette_and_stories_a_topic():
    vectors = np.array([[0, 1], [0.1, 1], [1, 0], [1, 0.1], [0.7, 0.7]], dtype=np.float32)
    apart = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(-1))
    documents = Documents(sp.csr_array(apart), vectors)
    labels = labels_table(ids(*"abcde"), clusters(0, 0, 1, 1, NOISE), ["sa", "sb"])
    table = add_cohesion_and_topics(labels, documents).to_pydict()
    assert all(value > 0.5 for value in table["silhouette"][:4])
    assert table["silhouette"][4] == 0
    assert set(table["topic_id"][:4]) <= {"sa", "sb"}
    assert table["topic_id"][0] == "sa"
    assert table["area_id"] == ["sa", "sa", "sa", "sa", None]
