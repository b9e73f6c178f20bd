"""Texts → unit vectors: every document gets its own, once, and none that can't be used."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.core.errors import EmbeddingError
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.embed.base import embed, normalised

HEADLINES = [
    "Ferry fire off Vesterglans",
    "Otter returns to Lake Mirren",
    "Bakers of Odda on strike",
]


class Hashes:
    """Vectors from a text's hash: small, and to be had again without the embedder under test."""

    name, model, dimension, fingerprint = "hashes", "hashes-4", 4, "hashes/1"

    def __init__(self):
        self.asked = []

    def encode(self, texts):
        self.asked += texts
        # Last first and two at a time: the protocol promises no order and no batch size.
        for start in reversed(range(0, len(texts), 2)):
            positions = np.arange(start, min(start + 2, len(texts)))[::-1]
            yield positions, np.stack([hash_vector(texts[p]) for p in positions])


class Gives(Hashes):
    """Gives whatever array it was made with, for all texts at once."""

    def __init__(self, vectors):
        super().__init__()
        self.vectors = np.array(vectors, dtype=np.float32)

    def encode(self, texts):
        yield np.arange(len(texts)), self.vectors


class LeavesOut(Hashes):
    """Drops the last text, as an endpoint may that filters what it is asked."""

    def encode(self, texts):
        yield from super().encode(texts[:-1])


def hash_vector(text):
    return np.frombuffer(hashlib.sha256(text.encode()).digest()[:4], np.uint8).astype("f4") + 1


def articles(texts, ids=None):
    ids = ids or [f"d{number}" for number in range(len(texts))]
    return pa.table({"doc_id": pa.array(ids, pa.string()), "text": pa.array(texts, pa.string())})


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_every_document_gets_its_own_texts_vector_whatever_the_embedders_order(tmp_path):
    found = embed(articles(HEADLINES), Hashes(), tmp_path / "cache")
    assert found.table["doc_id"].to_pylist() == ["d0", "d1", "d2"]
    expected = unit(np.stack([hash_vector(text) for text in HEADLINES]))
    np.testing.assert_allclose(matrix(found.table), expected, rtol=1e-6)


def test_vectors_have_unit_length_and_are_a_fixed_size_list_of_float32(tmp_path):
    table = embed(articles(HEADLINES), Hashes(), tmp_path / "cache").table
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 4)
    np.testing.assert_allclose(np.linalg.norm(matrix(table), axis=1), 1, atol=1e-6)


def test_the_schema_names_what_made_the_vectors(tmp_path):
    metadata = embed(articles(HEADLINES), Hashes(), tmp_path / "cache").table.schema.metadata
    assert metadata == {
        b"embedder": b"hashes",
        b"model": b"hashes-4",
        b"dimension": b"4",
        b"fingerprint": b"hashes/1",
    }


def test_a_second_run_embeds_nothing_and_gives_the_same_bits(tmp_path):
    first = embed(articles(HEADLINES), Hashes(), tmp_path / "cache")
    embedder = Hashes()
    second = embed(articles(HEADLINES), embedder, tmp_path / "cache")
    assert (first.new, second.new, embedder.asked) == (3, 0, [])
    assert second.table.equals(first.table, check_metadata=True)


def test_only_new_texts_are_embedded_and_land_in_their_own_rows(tmp_path):
    embed(articles(HEADLINES[1:2]), Hashes(), tmp_path / "cache")
    embedder = Hashes()
    found = embed(articles(HEADLINES), embedder, tmp_path / "cache")
    assert (found.new, sorted(embedder.asked)) == (2, sorted([HEADLINES[0], HEADLINES[2]]))
    alone = embed(articles(HEADLINES), Hashes(), tmp_path / "other cache").table
    assert found.table.equals(alone)


def test_the_cache_goes_by_text_not_by_id(tmp_path):
    embed(articles(HEADLINES[:1], ids=["a"]), Hashes(), tmp_path / "cache")
    assert embed(articles(HEADLINES[:1], ids=["b"]), Hashes(), tmp_path / "cache").new == 0
    assert embed(articles(HEADLINES[1:2], ids=["a"]), Hashes(), tmp_path / "cache").new == 1


def test_documents_with_one_text_get_one_vector(tmp_path):
    vectors = matrix(embed(articles(HEADLINES[:1] * 3), Hashes(), tmp_path / "cache").table)
    assert len(np.unique(vectors, axis=0)) == 1


def test_another_fingerprint_takes_nothing_from_the_cache(tmp_path):
    embed(articles(HEADLINES), Hashes(), tmp_path / "cache")
    embedder = Hashes()
    embedder.fingerprint = "hashes/2"
    assert embed(articles(HEADLINES), embedder, tmp_path / "cache").new == 3


@pytest.mark.parametrize(
    ("useless", "defect"),
    [
        ([np.nan, 1, 0, 0], "zero or not finite"),
        ([np.inf, 1, 0, 0], "zero or not finite"),
        ([0, 0, 0, 0], "zero or not finite"),
    ],
)
def test_a_vector_that_cant_be_used_stops_the_run_and_names_the_document(tmp_path, useless, defect):
    embedder = Gives([[1, 0, 0, 0], useless, [0, 1, 0, 0]])
    with pytest.raises(EmbeddingError, match=rf"document d1: .*{defect}.*1 of 3.*Check the model"):
        embed(articles(HEADLINES), embedder, tmp_path / "cache")


@pytest.mark.parametrize("shape", [(3, 5), (3,), (2, 4), (3, 4, 1)])
def test_vectors_of_another_shape_stop_the_run_and_name_document_and_shapes(tmp_path, shape):
    with pytest.raises(EmbeddingError, match=r"document d0: .*shape.*\(3, 4\) was due") as caught:
        embed(articles(HEADLINES), Gives(np.ones(shape)), tmp_path / "cache")
    assert str(shape) in str(caught.value)


def test_vectors_that_cant_be_used_do_not_enter_the_cache(tmp_path):
    with pytest.raises(EmbeddingError):
        embed(articles(HEADLINES), Gives([[0, 0, 0, 0]] * 3), tmp_path / "cache")
    assert embed(articles(HEADLINES), Hashes(), tmp_path / "cache").new == 3


def test_a_text_that_the_embedder_leaves_out_stops_the_run_and_is_named(tmp_path):
    with pytest.raises(EmbeddingError, match="d2"):
        embed(articles(HEADLINES), LeavesOut(), tmp_path / "cache")


@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e18])
def test_any_finite_length_is_brought_to_one(scale):
    vectors = np.array([[3, 4], [0, -2]], dtype=np.float32) * np.float32(scale)
    found = normalised(vectors, ["a", "b"], 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, -1]], rtol=1e-6)


def test_no_documents_give_an_empty_table_of_the_right_type(tmp_path):
    found = embed(articles([]), Hashes(), tmp_path / "cache")
    assert (found.new, found.table.num_rows, matrix(found.table).shape) == (0, 0, (0, 4))


def test_progress_counts_what_has_to_be_embedded_and_ends_at_all_of_it(tmp_path):
    embed(articles(HEADLINES[:1]), Hashes(), tmp_path / "cache")
    seen = []
    embed(articles(HEADLINES), Hashes(), tmp_path / "cache", lambda *step: seen.append(step))
    assert seen == [(2, 2)]
    seen.clear()
    embed(articles(HEADLINES), Hashes(), tmp_path / "fresh", lambda *step: seen.append(step))
    assert seen == [(1, 3), (3, 3)]


def test_matrix_reads_tables_that_are_sliced_or_in_chunks(tmp_path):
    table = embed(articles(HEADLINES), Hashes(), tmp_path / "cache").table
    whole = matrix(table)
    np.testing.assert_array_equal(matrix(table.slice(1, 1)), whole[1:2])
    chunks = pa.concat_tables([table.slice(2), table.slice(0, 2)])
    np.testing.assert_array_equal(matrix(chunks), whole[[2, 0, 1]])
