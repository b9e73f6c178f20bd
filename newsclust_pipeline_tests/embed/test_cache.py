"""The cache of vectors: what was embedded once is not lost, and never mixed up."""

import sqlite3
import subprocess
import sys
import zlib

import numpy as np
import pytest

from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.embed.cache import DamagedCacheError, VectorCache, rescue

TEXTS = ["Ferry fire off Vesterglans", "Ålesund ferry\nA fire broke out.", ""]
VECTORS = np.array([[1, 0], [0.6, 0.8], [0, -1]], dtype=np.float32)

# Two texts to a batch; dies at the third batch by a signal that none can catch.
KILLED = """
import os, pathlib, signal, sys
import numpy as np, pyarrow as pa
from newsclust_pipeline.embed.base import embed

class Slow:
    name = model = fingerprint = "slow"
    dimension = 2
    def encode(self, texts):
        for start in range(0, len(texts), 2):
            if start == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            yield np.arange(start, start + 2), np.full((2, 2), start + 1)

texts = [f"text {n}" for n in range(8)]
embed(pa.table({"doc_id": texts, "text": texts}), Slow(), pathlib.Path(sys.argv[1]))
"""


def filled(path, fingerprint="minilm/1"):
    with VectorCache(path, fingerprint) as cache:
        cache.store(TEXTS, VECTORS)
    return path


def looked_up(path, texts=TEXTS, fingerprint="minilm/1", dimension=2):
    vectors = np.zeros((len(texts), dimension), dtype=np.float32)
    with VectorCache(path, fingerprint) as cache:
        missing = cache.fill(texts, vectors)
    return vectors, missing.tolist()


def test_stored_vectors_are_returned_bit_for_bit(tmp_path):
    # Values that a detour over text or float64 arithmetic would not leave alone.
    odd = np.array([[1 / 3, 1e-38], [-0.0, np.nextafter(1, 2)]], dtype=np.float32)
    odd /= np.linalg.norm(odd.astype(np.float64), axis=1, keepdims=True).astype(np.float32)
    with VectorCache(tmp_path / "cache", "minilm/1") as cache:
        cache.store(TEXTS[:2], odd)
    vectors, missing = looked_up(tmp_path / "cache", TEXTS[:2])
    assert vectors.tobytes() == odd.tobytes()
    assert missing == []


def test_rows_of_unknown_texts_are_returned_and_not_changed(tmp_path):
    path = filled(tmp_path / "cache")
    vectors, missing = looked_up(path, ["new", TEXTS[1], "newer", TEXTS[0]])
    assert missing == [0, 2]
    np.testing.assert_array_equal(vectors, [[0, 0], VECTORS[1], [0, 0], VECTORS[0]])


def test_another_fingerprint_reads_and_changes_nothing(tmp_path):
    path = filled(tmp_path / "cache")
    assert looked_up(path, fingerprint="minilm/2")[1] == [0, 1, 2]
    with VectorCache(path, "minilm/2") as cache:
        cache.store(TEXTS, -VECTORS)
    np.testing.assert_array_equal(looked_up(path)[0], VECTORS)
    np.testing.assert_array_equal(looked_up(path, fingerprint="minilm/2")[0], -VECTORS)


def test_fingerprint_and_text_are_separate_keys(tmp_path):
    with VectorCache(tmp_path / "cache", "minilm/1") as cache:
        cache.store(["1 dead"], VECTORS[:1])
    assert looked_up(tmp_path / "cache", [" dead"], fingerprint="minilm/11")[1] == [0]


def test_vectors_of_another_dimension_are_not_returned(tmp_path):
    path = filled(tmp_path / "cache")
    assert looked_up(path, dimension=3)[1] == [0, 1, 2]


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(lambda entry: b"", id="empty"),
        pytest.param(lambda entry: entry[:-1], id="cut"),
        pytest.param(lambda entry: bytes([entry[0] ^ 1]) + entry[1:], id="one bit of the vector"),
        pytest.param(lambda entry: bytes(len(entry) - 1) + b"\1", id="zeros"),
    ],
)
def test_a_damaged_entry_is_embedded_again(tmp_path, damaged):
    path = filled(tmp_path / "cache")
    with sqlite3.connect(path) as db:
        db.create_function("damaged", 1, damaged)
        db.execute("UPDATE vectors SET vector = damaged(vector)")
    db.close()
    assert looked_up(path)[1] == [0, 1, 2]
    filled(path)
    vectors, missing = looked_up(path)
    assert missing == []
    np.testing.assert_array_equal(vectors, VECTORS)


def test_a_file_that_is_not_a_cache_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "embedding_cache.sqlite"
    path.write_text("Not a database at all, but long enough to be taken for one." * 50)
    with pytest.raises(NewsclustError, match=r"embedding_cache\.sqlite"):
        looked_up(path)


def test_a_cache_with_damaged_pages_is_an_error_that_names_it(tmp_path):
    path, texts = tmp_path / "embedding_cache.sqlite", [f"text {n}" for n in range(2000)]
    with VectorCache(path, "minilm/1") as cache:
        cache.store(texts, np.ones((2000, 2), dtype=np.float32))
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))  # the head still reads well
    with pytest.raises(NewsclustError, match=r"embedding_cache\.sqlite"):
        looked_up(path, texts)


def test_storing_a_text_twice_does_not_grow_the_cache(tmp_path):
    path = filled(filled(tmp_path / "cache"))
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM vectors").fetchone() == (3,)
    db.close()


def test_a_run_that_is_killed_keeps_its_finished_batches(tmp_path):
    path = tmp_path / "cache"
    killed = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert killed.returncode == -9
    texts = [f"text {number}" for number in range(8)]
    vectors, missing = looked_up(path, texts, fingerprint="slow")
    assert missing == [4, 5, 6, 7]
    np.testing.assert_allclose(vectors[:4], np.sqrt(0.5), rtol=1e-6)


def test_a_batch_is_stored_completely_or_not_at_all(tmp_path):
    with (
        pytest.raises(ValueError, match="shorter"),
        VectorCache(tmp_path / "cache", "minilm/1") as cache,
    ):
        cache.store(TEXTS, VECTORS[:2])
    assert looked_up(tmp_path / "cache")[1] == [0, 1, 2]


def test_two_runs_share_the_file_at_the_same_time(tmp_path):
    path = tmp_path / "cache"
    with VectorCache(path, "minilm/1") as one, VectorCache(path, "minilm/1") as other:
        one.store(TEXTS[:1], VECTORS[:1])
        other.store(TEXTS[1:], VECTORS[1:])
        vectors = np.zeros((3, 2), dtype=np.float32)
        assert one.fill(TEXTS, vectors).size == 0
    np.testing.assert_array_equal(vectors, VECTORS)


def test_the_folder_is_created_when_the_cache_is_entered(tmp_path):
    path = tmp_path / "data" / "deeper" / "cache"
    cache = VectorCache(path, "minilm/1")
    assert not path.parent.exists()
    with cache:
        assert path.is_file()


def test_the_dimension_of_cached_vectors_is_known(tmp_path):
    path = filled(tmp_path / "cache")
    with VectorCache(path, "minilm/1") as known, VectorCache(path, "minilm/2") as other:
        assert known.dimension == 2
        assert other.dimension is None


def test_vectors_of_one_model_are_cleared(tmp_path):
    path = filled(filled(tmp_path / "cache"), "minilm/2")
    with VectorCache(path, "minilm/1") as cache:
        assert cache.clear()
        assert cache.dimension is None
        assert not cache.clear()
    assert looked_up(path)[1] == [0, 1, 2]
    assert looked_up(path, fingerprint="minilm/2")[1] == []


def test_unused_vectors_are_pruned_and_the_file_shrinks(tmp_path):
    path = tmp_path / "cache"
    texts = [f"text {number}" for number in range(2000)]
    with VectorCache(path, "minilm/1", today=100) as cache:
        cache.store(texts, np.ones((2000, 384), dtype=np.float32))
    with VectorCache(path, "minilm/1", today=130) as cache:
        assert cache.fill(texts[:3], np.zeros((3, 384), dtype=np.float32)).size == 0
    before = path.stat().st_size
    with VectorCache(path, "another/1", today=140) as cache:
        assert cache.prune(days=40) == 0, "used 40 days ago is not yet longer than that"
        assert cache.prune(days=39) == 1997
    assert looked_up(path, texts, dimension=384)[1] == list(range(3, 2000))
    assert path.stat().st_size < before / 4


@pytest.mark.parametrize("value", ["NULL", "'text'", "7"])
def test_a_vector_of_another_type_is_embedded_again_and_counted(tmp_path, value):
    path = filled(tmp_path / "cache")
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE vectors SET vector = {value}, used = {value} WHERE rowid = 2")  # noqa: S608
    db.close()
    with VectorCache(path, "minilm/1") as cache:
        assert cache.fill(TEXTS, np.zeros((3, 2), dtype=np.float32)).tolist() == [1]
        assert cache.damaged == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE vectors SET model = 2 WHERE rowid = 2",
        "UPDATE models SET id = 3 - id WHERE id = 1",
        "UPDATE models SET fingerprint = 'minilm/3' WHERE id = 1",
    ],
)
def test_a_vector_of_another_model_is_never_returned(tmp_path, damage):
    path = filled(tmp_path / "cache")
    with VectorCache(path, "minilm/2") as cache:
        cache.store(TEXTS[:1], -VECTORS[:1])
    with sqlite3.connect(path) as db:
        if "models SET id" in damage:
            db.execute("DELETE FROM models WHERE id = 2")
        db.execute(damage)
    db.close()
    vectors, missing = looked_up(path)
    other, other_missing = looked_up(path, fingerprint="minilm/2")
    assert all(row in missing or (vectors[row] == VECTORS[row]).all() for row in range(3))
    assert 0 in other_missing or (other[0] == -VECTORS[0]).all()


def test_a_damaged_dimension_loses_no_vector(tmp_path):
    path = filled(tmp_path / "cache")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE models SET dimension = 3")
    db.close()
    with VectorCache(path, "minilm/1") as cache:
        assert cache.dimension == 2


def test_entries_of_former_versions_are_returned(tmp_path):
    path = filled(tmp_path / "cache")
    content = VECTORS[0].astype("<f4").tobytes()
    entry = content + zlib.crc32(content).to_bytes(4, "little")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE vectors SET vector = ? WHERE rowid = 1", (entry,))
    db.close()
    assert looked_up(path)[1] == []


def damage_pages(path, start, end):
    content = path.read_bytes()
    path.write_bytes(content[:start] + b"\xff" * (end - start) + content[end:])


def test_all_vectors_on_whole_pages_of_a_damaged_cache_are_kept(tmp_path):
    path, texts = tmp_path / "embedding_cache.sqlite", [f"text {n}" for n in range(3000)]
    vectors = np.random.default_rng(0).normal(size=(3000, 64)).astype(np.float32)
    with VectorCache(path, "minilm/1") as cache:
        cache.store(texts, vectors)
    damage_pages(path, 10 * 32768, 11 * 32768)
    said = rescue(path)
    found, missing = looked_up(path, texts, dimension=64)
    assert 0 < len(missing) < 600
    assert f"{3000 - len(missing):,} of its vectors" in said
    kept = np.setdiff1d(np.arange(3000), missing)
    np.testing.assert_array_equal(found[kept], vectors[kept])
    assert path.with_name("embedding_cache.sqlite.damaged").exists()


def test_of_a_file_that_is_no_cache_nothing_is_kept(tmp_path):
    path = tmp_path / "embedding_cache.sqlite"
    path.write_text("Not a database at all, but long enough to be taken for one." * 50)
    assert "0 of its vectors" in rescue(path)
    assert looked_up(path)[1] == [0, 1, 2]


def test_every_flipped_bit_of_a_cache_is_noticed_or_has_no_effect(tmp_path):
    path = filled(tmp_path / "cache")
    content, rng = bytearray(path.read_bytes()), np.random.default_rng(0)
    used = [place for place, byte in enumerate(content) if byte]
    for bit in rng.choice(8 * len(used), 12, replace=False):
        damaged = bytearray(content)
        damaged[used[bit // 8]] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            vectors, missing = looked_up(path)
        except DamagedCacheError:
            rescue(path)
            vectors, missing = looked_up(path)
        found = np.setdiff1d(np.arange(3), missing)
        np.testing.assert_array_equal(vectors[found], VECTORS[found])
