"""The nearest documents are those of brute force, whichever backend searches."""

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.search import faiss_backend, graph, knn
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.search.knn import recall
from newsclust_pipeline.store.collection import sync
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline_tests.documents import OWNER
from newsclust_pipeline_tests.engines import Pickling

FAISS, MILVUS = Index(backend="faiss"), Index(backend="milvus")
BACKENDS = pytest.mark.parametrize(
    ("client", "index"),
    [("lite", FAISS), ("lite", MILVUS), ("server", MILVUS)],
    indirect=["client"],
    ids=["faiss", "milvus lite", "milvus server"],
)


@pytest.fixture(scope="module")
def client(request, tmp_path_factory):
    """Milvus Lite, or a server for the tests that require one."""
    if getattr(request, "param", "lite") == "server":
        uri = request.getfixturevalue("milvus_server").uri
    else:
        uri = str(tmp_path_factory.mktemp("lite") / "milvus.db")
    with connect(uri, OWNER) as opened:
        yield opened


def as_table(vectors, first=0):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    flat = pa.array(unit.astype(np.float32).ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    ids = pa.array([f"d{first + row:04}" for row in range(len(vectors))], pa.string())
    table = pa.table({"doc_id": ids, "embedding": column})
    return table.replace_schema_metadata({"fingerprint": "minilm/1"})


def scattered(n, dimension=8, seed=0):
    return as_table(np.random.default_rng(seed).normal(size=(n, dimension)))


def fill(client, name, table, index=FAISS):
    texts = pa.table({"doc_id": table["doc_id"], "text": table["doc_id"]})
    return sync(client, name, texts, table, index.stored).state


def nearest(client, state, table, index, k, **how):
    return knn.nearest(client, state, table, index, k, **how).neighbours


def brute_force(table, k):
    """Return rows and distances of the k nearest others, in float64, ties by row."""
    wide = matrix(table).astype(np.float64)
    distances = np.sqrt(((wide[:, None] - wide[None]) ** 2).sum(axis=2)).astype(np.float32)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


def assert_nearest(found, table, k):
    rows, distances = brute_force(table, k)
    np.testing.assert_array_equal(found.indices, rows)
    np.testing.assert_array_equal(found.distances, distances)


@BACKENDS
def test_the_nearest_are_those_of_brute_force(client, name, index):
    table = scattered(300)
    fill(client, name, table.slice(100), index)
    table = table.take(np.arange(300)[::-1])  # in another order than they were stored
    state = fill(client, name, table, index)
    for k in (1, 5, 30):
        assert_nearest(nearest(client, state, table, index, k), table, k)
    everyone = nearest(client, state, table, index, 1000)
    assert everyone.indices.shape == (300, 299)


@BACKENDS
def test_near_duplicates_that_float32_cannot_rank_are_ranked_exactly(client, name, index):
    # 150 documents within 1e-4 of each other: inner products can't tell them apart.
    rng = np.random.default_rng(7)
    clump = np.repeat(rng.normal(size=(2, 32)), 150, axis=0)
    table = as_table(clump + rng.normal(scale=1e-5, size=clump.shape))
    state = fill(client, name, table, index)
    assert_nearest(nearest(client, state, table, index, 10), table, 10)


@BACKENDS
def test_among_many_identical_documents_the_first_rows_are_nearest(client, name, index):
    table = as_table(np.repeat([[3.0, 4.0], [4.0, -3.0]], 60, axis=0))
    state = fill(client, name, table, index)
    assert_nearest(nearest(client, state, table, index, 5), table, 5)


@BACKENDS
def test_no_documents_have_no_neighbours(client, name, index):
    nobody = scattered(3).slice(0, 0)
    fill(client, name, scattered(3), index)
    state = fill(client, name, nobody, index)
    assert nearest(client, state, nobody, index, 5).indices.shape == (0, 0)


@BACKENDS
def test_progress_ends_at_the_total(client, name, index):
    table, steps = scattered(2100), []
    state = fill(client, name, table, index)
    nearest(client, state, table, index, 1, progress=lambda *step: steps.append(step))
    assert steps[-1] == (2100, 2100)
    assert len(steps) > 1


def test_other_embeddings_than_those_of_the_collection_are_refused(client, name):
    state = fill(client, name, scattered(3))
    with pytest.raises(CollectionError, match=rf"{name}.*Materialise milvus_collection again"):
        nearest(client, state, scattered(4), FAISS, 2)


@pytest.mark.parametrize("client", ["lite", "server"], indirect=True)
@pytest.mark.parametrize("now", [4, 2], ids=["more", "fewer"])
def test_a_collection_that_another_run_changed_is_refused_by_a_search_in_milvus(client, name, now):
    table = scattered(3)
    state = fill(client, name, table, MILVUS)
    fill(client, name, scattered(now), MILVUS)
    with pytest.raises(CollectionError, match=rf"{name}.*milvus_collection"):
        nearest(client, state, table, MILVUS, 2)


@pytest.mark.parametrize(
    "index",
    [
        Index("HNSW", "milvus", {"M": 8, "efConstruction": 64}, {"ef": 32}),
        Index("IVF_FLAT", "faiss", {"nlist": 32}, {"nprobe": 16}),
    ],
    ids=lambda index: index.kind,
)
def test_the_distances_of_an_approximate_search_are_exact(client, name, index):
    table = scattered(1000)
    found = nearest(client, fill(client, name, table, index), table, index, 10)
    vectors = matrix(table).astype(np.float64)
    distances = np.linalg.norm(vectors[found.indices] - vectors[:, None], axis=2)
    np.testing.assert_array_equal(found.distances, distances.astype(np.float32))
    assert recall(found, matrix(table)) > 0.9


def test_cells_with_too_few_documents_are_completed_by_an_exact_search(client, name):
    index = Index("IVF_FLAT", "faiss", {"nlist": 32}, {"nprobe": 1})
    table = scattered(200)
    found = nearest(client, fill(client, name, table, index), table, index, 100)
    assert found.indices.shape == (200, 100)
    assert all(len(set(row)) == 100 for row in found.indices.tolist())


@BACKENDS
def test_the_neighbours_of_the_last_run_are_updated(client, name, index):
    table = scattered(300)
    last = nearest(client, fill(client, name, table.slice(3), index), table.slice(3), index, 5)
    state = fill(client, name, table, index)
    done = knn.nearest(client, state, table, index, 5, previous=last)
    assert done.searched == 3
    assert_nearest(done.neighbours, table, 5)


def test_an_exact_search_does_not_use_neighbours_of_an_approximate_one(client, name):
    cells = Index("IVF_FLAT", "faiss", {"nlist": 64}, {"nprobe": 1})
    table = scattered(300)
    state = fill(client, name, table)
    last = nearest(client, state, table, cells, 5)
    assert knn.nearest(client, state, table, cells, 5, previous=last).searched == 0
    done = knn.nearest(client, state, table, FAISS, 5, previous=last)
    assert done.searched == 300
    assert_nearest(done.neighbours, table, 5)


def test_the_same_cells_give_the_same_neighbours_each_time(client, name):
    index = Index("IVF_FLAT", "faiss", {"nlist": 64}, {"nprobe": 2})
    table = scattered(2000)
    state = fill(client, name, table, index)
    one, other = (nearest(client, state, table, index, 10) for _ in range(2))
    np.testing.assert_array_equal(one.indices, other.indices)


def test_recall_is_the_share_of_true_neighbours_that_were_found(client, name):
    table = scattered(400)
    found = nearest(client, fill(client, name, table), table, FAISS, 10)
    assert recall(found, matrix(table), sample=50) == 1.0
    rows, distances = brute_force(table, 20)
    for missed in (2, 10):
        columns = np.arange(missed, missed + 10)  # the nearest ones are missing
        worse = Neighbours(found.doc_id, rows[:, columns], distances[:, columns], 10)
        assert recall(worse, matrix(table)) == pytest.approx(1 - missed / 10)


def test_recall_counts_any_of_equally_near_documents():
    table = as_table(np.repeat([[3.0, 4.0]], 60, axis=0))
    rows = np.column_stack([(np.arange(60) + step) % 60 for step in (1, 2, 3)]).astype(np.int32)
    others = Neighbours(np.arange(60).astype(str), rows, np.zeros((60, 3), np.float32), 3)
    assert recall(others, matrix(table)) == 1.0


def test_recall_of_a_single_document_is_whole():
    nothing = np.empty((1, 0))
    alone = Neighbours(np.array(["d"]), nothing.astype(np.int32), nothing.astype(np.float32), 5)
    assert recall(alone, matrix(scattered(1))) == 1.0


CELLS = Index("IVF_FLAT", "faiss", {"nlist": 64}, {})


@pytest.mark.slow
@pytest.mark.parametrize("index", [FAISS, CELLS], ids=["exact", "cells"])
def test_workers_find_the_same_neighbours(client, name, engine, index, monkeypatch):
    monkeypatch.setattr(faiss_backend, "BLOCK", 300)
    monkeypatch.setattr(faiss_backend, "_LARGE", 75)
    table = scattered(3000, 32)
    state = fill(client, name, table, index)
    alone = nearest(client, state, table, index, 20)
    shared = nearest(client, state, table, index, 20, engine=engine)
    np.testing.assert_array_equal(alone.indices, shared.indices)
    np.testing.assert_array_equal(alone.distances, shared.distances)


@pytest.mark.slow
@pytest.mark.parametrize("client", ["server"], indirect=True)
def test_workers_ask_a_server_by_connections_of_their_own(client, name, engine, monkeypatch):
    monkeypatch.setattr(graph, "BLOCK", 100)
    table = scattered(300)
    state = fill(client, name, table, MILVUS)
    assert_nearest(nearest(client, state, table, MILVUS, 7, engine=engine), table, 7)


@pytest.mark.parametrize("index", [FAISS, CELLS, MILVUS], ids=["exact", "cells", "Milvus Lite"])
def test_workers_that_see_no_common_folder_change_nothing(client, name, index, monkeypatch):
    monkeypatch.setattr(faiss_backend, "BLOCK", 300)
    monkeypatch.setattr(graph, "BLOCK", 300)
    table = scattered(1500, 16)
    state = fill(client, name, table, index)
    alone = nearest(client, state, table, index, 5)
    shared = nearest(client, state, table, index, 5, engine=Pickling())
    np.testing.assert_array_equal(alone.indices, shared.indices)
    np.testing.assert_array_equal(alone.distances, shared.distances)
