"""Every document gets the unit vector of its text; unusable vectors are errors."""

import hashlib
import sqlite3
from functools import cached_property

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.core.errors import EmbeddingError
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.embed.base import embed, unit_vectors
from newsclust_pipeline.embed.minilm import MiniLM
from newsclust_pipeline_tests.engines import Pickling

HEADLINES = [
    "Ferry fire off Vesterglans",
    "Otter returns to Lake Mirren",
    "Bakers of Odda on strike",
]


class Hashes:
    """Makes small vectors from the hashes of texts, so that a test can compute them itself."""

    name, model, dimension, fingerprint = "hashes", "hashes-4", 4, "hashes/1"

    def __init__(self):
        self.texts = []

    def encode(self, texts):
        self.texts += texts
        # The last first, in batches of two: the protocol allows any order and batch size.
        for start in reversed(range(0, len(texts), 2)):
            positions = np.arange(start, min(start + 2, len(texts)))[::-1]
            yield positions, np.stack([hash_vector(texts[p]) for p in positions])


class Constant(Hashes):
    """Returns the array that it was made with, whatever the texts."""

    def __init__(self, vectors):
        super().__init__()
        self.vectors = np.array(vectors, dtype=np.float32)

    def encode(self, texts):
        yield np.arange(len(texts)), self.vectors


class Poisoned(Hashes):
    """Returns a useless vector for texts with a word in them."""

    def __init__(self, word, useless=np.nan):
        super().__init__()
        self.word, self.useless, self.refusals = word, useless, {}

    def encode(self, texts):
        for positions, vectors in super().encode(texts):
            bad = [self.word in texts[p] for p in positions]
            yield positions, np.where(np.array(bad)[:, None], self.useless, vectors)


class Incomplete(Hashes):
    """Drops the last text, as an endpoint with a filter may do."""

    def encode(self, texts):
        yield from super().encode(texts[:-1])


def hash_vector(text):
    return np.frombuffer(hashlib.sha256(text.encode()).digest()[:4], np.uint8).astype("f4") + 1


def articles(texts, ids=None):
    ids = ids or [f"d{number}" for number in range(len(texts))]
    return pa.table({"doc_id": pa.array(ids, pa.string()), "text": pa.array(texts, pa.string())})


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_every_document_gets_the_vector_of_its_text_in_any_order_of_batches(tmp_path):
    result = embed(articles(HEADLINES), Hashes(), tmp_path / "cache")
    assert result.table["doc_id"].to_pylist() == ["d0", "d1", "d2"]
    expected = unit(np.stack([hash_vector(text) for text in HEADLINES]))
    np.testing.assert_allclose(matrix(result.table), expected, rtol=1e-6)


def test_the_embedded_text_is_embedded_where_there_is_one(tmp_path):
    table = articles(HEADLINES).append_column(
        "embedded_text", pa.array([None, "Otter returns", None], pa.string())
    )
    embedder = Hashes()
    embed(table, embedder, tmp_path / "cache.sqlite")
    assert set(embedder.texts) == {HEADLINES[0], "Otter returns", HEADLINES[2]}


def test_vectors_have_unit_length_and_are_a_fixed_size_list_of_float32(tmp_path):
    table = embed(articles(HEADLINES), Hashes(), tmp_path / "cache").table
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 4)
    np.testing.assert_allclose(np.linalg.norm(matrix(table), axis=1), 1, atol=1e-6)


def test_the_schema_metadata_names_the_embedder(tmp_path):
    metadata = embed(articles(HEADLINES), Hashes(), tmp_path / "cache").table.schema.metadata
    assert metadata == {
        b"embedder": b"hashes",
        b"model": b"hashes-4",
        b"dimension": b"4",
        b"fingerprint": b"hashes/1",
    }


def test_a_second_run_embeds_nothing_and_returns_the_same_bits(tmp_path):
    first = embed(articles(HEADLINES), Hashes(), tmp_path / "cache")
    embedder = Hashes()
    second = embed(articles(HEADLINES), embedder, tmp_path / "cache")
    assert (first.new, second.new, embedder.texts) == (3, 0, [])
    assert second.table.equals(first.table, check_metadata=True)


def test_only_new_texts_are_embedded_into_their_own_rows(tmp_path):
    embed(articles(HEADLINES[1:2]), Hashes(), tmp_path / "cache")
    embedder = Hashes()
    result = embed(articles(HEADLINES), embedder, tmp_path / "cache")
    assert (result.new, sorted(embedder.texts)) == (2, sorted([HEADLINES[0], HEADLINES[2]]))
    alone = embed(articles(HEADLINES), Hashes(), tmp_path / "other cache").table
    assert result.table.equals(alone)


def test_the_cache_is_keyed_by_text_not_by_id(tmp_path):
    embed(articles(HEADLINES[:1], ids=["a"]), Hashes(), tmp_path / "cache")
    assert embed(articles(HEADLINES[:1], ids=["b"]), Hashes(), tmp_path / "cache").new == 0
    assert embed(articles(HEADLINES[1:2], ids=["a"]), Hashes(), tmp_path / "cache").new == 1


def test_documents_with_equal_texts_get_equal_vectors(tmp_path):
    vectors = matrix(embed(articles(HEADLINES[:1] * 3), Hashes(), tmp_path / "cache").table)
    assert len(np.unique(vectors, axis=0)) == 1


def test_another_fingerprint_uses_nothing_from_the_cache(tmp_path):
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
def test_an_unusable_vector_is_an_error_that_names_the_document(tmp_path, useless, defect):
    embedder = Constant([[1, 0, 0, 0], useless, [0, 1, 0, 0]])
    with pytest.raises(EmbeddingError, match=rf"document d1: .*{defect}.*1 of 3.*Check the model"):
        embed(articles(HEADLINES), embedder, tmp_path / "cache")


@pytest.mark.parametrize("shape", [(3, 5), (3,), (2, 4), (3, 4, 1)])
def test_vectors_of_another_shape_are_an_error_that_names_document_and_shapes(tmp_path, shape):
    with pytest.raises(EmbeddingError, match=r"document d0: .*shape.* expected \(3, 4\)") as caught:
        embed(articles(HEADLINES), Constant(np.ones(shape)), tmp_path / "cache")
    assert str(shape) in str(caught.value)


def test_unusable_vectors_are_not_cached(tmp_path):
    with pytest.raises(EmbeddingError):
        embed(articles(HEADLINES), Constant([[0, 0, 0, 0]] * 3), tmp_path / "cache")
    assert embed(articles(HEADLINES), Hashes(), tmp_path / "cache").new == 3


def test_a_text_without_a_vector_is_an_error_that_names_the_document(tmp_path):
    with pytest.raises(EmbeddingError, match="d2"):
        embed(articles(HEADLINES), Incomplete(), tmp_path / "cache")


@pytest.mark.parametrize("useless", [np.nan, np.inf, 0.0])
def test_a_document_without_a_usable_vector_is_rejected_and_the_others_are_embedded(
    tmp_path, useless
):
    result = embed(
        articles(HEADLINES), Poisoned("Otter", useless), tmp_path / "cache", max_rejected=0.01
    )
    assert result.table["doc_id"].to_pylist() == ["d0", "d2"]
    assert list(result.rejected) == ["d1"]
    assert "zero or not finite" in result.rejected["d1"]
    expected = unit(np.stack([hash_vector(HEADLINES[n]) for n in (0, 2)]))
    np.testing.assert_allclose(matrix(result.table), expected, rtol=1e-6)


def test_the_reason_of_the_embedder_is_given(tmp_path):
    embedder = Poisoned("Otter")
    embedder.refusals[HEADLINES[1]] = "the service answers with HTTP 400"
    result = embed(articles(HEADLINES), embedder, tmp_path / "cache", max_rejected=0.01)
    assert result.rejected == {"d1": "the service answers with HTTP 400"}


def test_more_rejected_documents_than_allowed_are_an_error(tmp_path):
    texts = [f"{'Otter' if n < 4 else 'Ferry'} {n}" for n in range(40)]
    ok = embed(articles(texts), Poisoned("Otter"), tmp_path / "cache", max_rejected=0.1)
    assert len(ok.rejected) == 4
    with pytest.raises(EmbeddingError, match=r"4 of 40 .*max_rejected"):
        embed(articles(texts), Poisoned("Otter"), tmp_path / "cache", max_rejected=0.09)
    with pytest.raises(EmbeddingError, match="1 of 1 documents"):
        embed(articles(["Otter"]), Poisoned("Otter"), tmp_path / "cache", max_rejected=1)


def test_usable_vectors_are_cached_before_a_useless_one_is_an_error(tmp_path):
    texts = [HEADLINES[1], HEADLINES[0], HEADLINES[2]]  # the last batch has the useless one
    with pytest.raises(EmbeddingError):
        embed(articles(texts), Poisoned("Otter"), tmp_path / "cache")
    assert embed(articles(texts), Hashes(), tmp_path / "cache").new == 1


def test_vectors_of_a_changed_dimension_replace_the_cached_ones_of_that_model_only(tmp_path):
    class Wider(Hashes):
        dimension = 8

        def encode(self, texts):
            for positions, vectors in super().encode(texts):
                yield positions, np.tile(vectors, 2)

    other = Hashes()
    other.fingerprint = "other/1"
    for embedder in (Hashes(), other):
        embed(articles(HEADLINES[:2]), embedder, tmp_path / "cache")
    result = embed(articles(HEADLINES), Wider(), tmp_path / "cache")
    assert (result.new, result.dimension) == (3, 8)
    assert "cached vectors of this model are deleted" in result.warnings[0]
    assert embed(articles(HEADLINES[:2]), other, tmp_path / "cache").new == 0


@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e18])
def test_any_finite_length_is_scaled_to_one(scale):
    vectors = np.array([[3, 4], [0, -2]], dtype=np.float32) * np.float32(scale)
    result = unit_vectors(vectors, ["a", "b"], 2)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [[0.6, 0.8], [0, -1]], rtol=1e-6)


def test_without_documents_the_table_is_empty_and_of_the_right_type(tmp_path):
    result = embed(articles([]), Hashes(), tmp_path / "cache")
    assert (result.new, result.table.num_rows, matrix(result.table).shape) == (0, 0, (0, 4))


def test_progress_counts_the_texts_that_are_not_cached_and_ends_at_their_number(tmp_path):
    embed(articles(HEADLINES[:1]), Hashes(), tmp_path / "cache")
    steps = []
    embed(articles(HEADLINES), Hashes(), tmp_path / "cache", lambda *step: steps.append(step))
    assert steps == [(2, 2)]
    steps.clear()
    embed(articles(HEADLINES), Hashes(), tmp_path / "fresh", lambda *step: steps.append(step))
    assert steps == [(1, 3), (3, 3)]


class Loads(Hashes):
    """Can run on workers; what it has loaded can't be sent to them."""

    texts_per_partition = 3

    @cached_property
    def loaded(self):
        return open(__file__, encoding="utf-8")  # noqa: PTH123

    def encode(self, texts):
        assert self.loaded
        yield from super().encode(texts)


def test_workers_load_the_embedder_and_give_the_same_vectors(tmp_path):
    table = articles([f"headline {n}" for n in range(10)])
    embedder = Loads()
    alone = embed(table, embedder, tmp_path / "alone")
    embedder.texts.clear()
    done = []
    progress = lambda *counts: done.append(counts)  # noqa: E731
    shared = embed(table, embedder, tmp_path / "shared", progress, engine=Pickling())
    assert shared.table.equals(alone.table)
    assert not embedder.texts  # only copies of it have run
    assert done[-1] == (10, 10)
    assert embed(table, Poisoned("headline"), tmp_path / "shared").new == 0  # all are cached


@pytest.mark.parametrize("embedder", [Loads(), Hashes()], ids=["few texts", "not for workers"])
def test_few_texts_and_other_embedders_stay_in_the_process(tmp_path, embedder):
    embed(articles(HEADLINES[:3]), embedder, tmp_path / "cache", engine=Pickling())
    assert embedder.texts == HEADLINES[:3]


@pytest.mark.slow
def test_the_vectors_of_the_default_model_are_the_same_on_workers(engine, tmp_path, sample_rows):
    table = articles([row["title"] for row in sample_rows[:40]])
    model, divided = MiniLM(), MiniLM()
    divided.texts_per_partition = 8
    alone = embed(table, model, tmp_path / "alone").table
    assert embed(table, divided, tmp_path / "shared", engine=engine).table.equals(alone)


def test_a_damaged_cache_is_replaced_and_its_readable_vectors_are_not_embedded_again(tmp_path):
    path = tmp_path / "cache"
    texts = [f"Harbour report {n}" for n in range(3000)]
    first = embed(articles(texts), Hashes(), path)
    content = path.read_bytes()
    path.write_bytes(content[:196608] + b"\xff" * 32768 + content[229376:])
    again = embed(articles(texts), Hashes(), path)
    assert again.table.equals(first.table)
    assert 0 < again.new < 3000
    assert "could be read and are kept" in again.warnings[0]
    assert embed(articles(texts), Hashes(), path).warnings == []


def test_damaged_vectors_are_embedded_again_with_a_warning(tmp_path):
    first = embed(articles(HEADLINES), Hashes(), tmp_path / "cache")
    with sqlite3.connect(tmp_path / "cache") as db:
        db.execute("UPDATE vectors SET vector = NULL WHERE rowid = 1")
    db.close()
    again = embed(articles(HEADLINES), Hashes(), tmp_path / "cache")
    assert again.table.equals(first.table)
    assert "1 vectors were damaged" in again.warnings[0]
