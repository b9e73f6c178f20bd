"""The torch embedders with a tiny model of BGE-M3's architecture, loaded by the real libraries.

Skipped if torch isn't installed; with NEWSCLUST_REQUIRE_TORCH=1 the tests fail instead.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

from newsclust_pipeline.core.errors import EmbeddingError, SettingError
from newsclust_pipeline.embed.torch_models import BgeM3, SentenceTransformers
from newsclust_pipeline_tests.model_hubs import HuggingFaceHub, ModelScopeHub, point_to

NEEDED = {"torch", *SentenceTransformers.needs, *BgeM3.needs}
REQUIRED = os.environ.get("NEWSCLUST_REQUIRE_TORCH") == "1"
LACKING = sorted(name for name in NEEDED if importlib.util.find_spec(name) is None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(LACKING) and not REQUIRED, reason=f"not installed: {', '.join(LACKING)}"
    ),
]

BOTH = pytest.mark.parametrize("kind", [SentenceTransformers, BgeM3])
NEWS = [
    "Ferry fire off Vesterglans leaves two dead",
    "Otters return to Lake Mirren",
    "",
    " \t\n ",
    "🔥🚢 fire",
    "שריפה במעבורת",
    "港で火災、2人死亡",
    "Bakers of Odda walk out over night shifts. " * 8,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def loaded(folder):
    """Both embedders, loaded once."""
    return {kind: kind(str(folder)) for kind in (SentenceTransformers, BgeM3)}


def tiny_model(folder, positions=1026):
    """Save an XLM-RoBERTa with two layers in the layout of BGE-M3."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import XLMRobertaConfig, XLMRobertaModel

    tokenizer = tiny_tokenizer()
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=positions,
        initializer_range=0.3,  # so wide that texts differ
        type_vocab_size=1,
        pad_token_id=1,
    )
    torch.manual_seed(0)
    bare = folder.with_name(folder.name + "-bare")
    tokenizer.save_pretrained(bare)
    XLMRobertaModel(config).save_pretrained(bare)
    words = Transformer(str(bare), max_seq_length=positions - 2)
    SentenceTransformer(modules=[words, Pooling(64, "cls")], device="cpu").save(str(folder))
    torch.save(torch.nn.Linear(64, 64).state_dict(), folder / "colbert_linear.pt")
    torch.save(torch.nn.Linear(64, 1).state_dict(), folder / "sparse_linear.pt")
    return folder


def tiny_tokenizer():
    """Return a tokenizer of single characters with the special tokens of XLM-RoBERTa."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import XLMRobertaTokenizerFast

    characters = sorted({c for text in NEWS for c in text if not c.isspace()} | {"▁"})
    marks = [(mark, 0.0) for mark in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")]
    vocabulary = marks + [(c, -3.0) for c in characters] + [("▁ferry", -1.0)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return XLMRobertaTokenizerFast(tokenizer_object=tokenizer)


def encoded(model, texts):
    """Return the vectors at unit length, as `embed` does."""
    vectors = np.full((len(texts), model.dimension), np.nan, dtype=np.float32)
    for positions, batch in model.encode(texts):
        assert batch.dtype == np.float32
        vectors[positions] = batch
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def copied(folder, to, without=()):
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns(*without))
    return to


def hide(monkeypatch, *modules):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name in modules else real(name, *a)
    )


def test_torch_is_installed_where_it_is_required():
    assert not LACKING


@BOTH
def test_every_text_gets_one_finite_vector_of_the_models_dimension(loaded, kind):
    vectors = encoded(loaded[kind], NEWS)
    assert vectors.shape == (len(NEWS), 64)
    assert np.isfinite(vectors).all()
    assert loaded[kind].dimension == 64


def test_both_embedders_return_the_same_vectors_for_one_folder(loaded):
    one, other = (encoded(loaded[kind], NEWS) for kind in (SentenceTransformers, BgeM3))
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_vectors_are_those_of_sentence_transformers_itself(folder, loaded):
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(folder), device="cpu").encode(NEWS, normalize_embeddings=True)
    np.testing.assert_allclose(encoded(loaded[SentenceTransformers], NEWS), theirs, atol=1e-6)


@BOTH
def test_a_texts_vector_is_the_same_whatever_is_embedded_beside_it(loaded, kind):
    texts = [f"{text} {number}" for number in range(40) for text in NEWS]  # more than one batch
    together = encoded(loaded[kind], texts)
    np.testing.assert_allclose(together[::-1], encoded(loaded[kind], texts[::-1]), atol=1e-5)
    for row in (0, 7, 255, 256, 319):
        alone = encoded(loaded[kind], [texts[row]])
        np.testing.assert_allclose(together[[row]], alone, atol=1e-5)


@BOTH
def test_batches_are_of_a_few_hundred_texts_so_that_a_killed_run_loses_little(loaded, kind):
    batches = [positions for positions, _ in loaded[kind].encode(["fire"] * 600)]
    assert [len(positions) for positions in batches] == [256, 256, 88]
    assert sorted(np.concatenate(batches)) == list(range(600))


@BOTH
def test_without_texts_there_are_no_batches_and_no_model_is_loaded(tmp_path, kind):
    assert list(kind(str(tmp_path)).encode([])) == []


@BOTH
def test_a_text_of_100_000_characters_is_embedded(loaded, kind):
    assert np.isfinite(encoded(loaded[kind], ["Otters return " * 7143, "fire"])).all()


def test_bge_m3_reads_512_tokens(loaded):
    full = "ferry " * 510  # a token each, and a mark at either end
    vectors = encoded(loaded[BgeM3], [full, full + "fire", "ferry " * 509 + "fire"])
    np.testing.assert_allclose(vectors[1], vectors[0], atol=1e-6)
    assert np.abs(vectors[2] - vectors[0]).max() > 1e-4


def test_the_prompt_is_put_before_every_text_and_changes_the_fingerprint(folder, loaded):
    bare = loaded[SentenceTransformers]
    prompted = SentenceTransformers(str(folder), prompt="passage: ")
    by_hand = encoded(bare, [f"passage: {text}" for text in NEWS[:2]])
    np.testing.assert_allclose(encoded(prompted, NEWS[:2]), by_hand, atol=1e-6)
    assert not np.allclose(by_hand, encoded(bare, NEWS[:2]), atol=1e-3)
    assert prompted.fingerprint != bare.fingerprint


def test_bfloat16_has_similar_vectors_and_another_fingerprint(folder, loaded):
    half = SentenceTransformers(str(folder), dtype="bfloat16")
    exact = encoded(loaded[SentenceTransformers], NEWS)
    rounded = encoded(half, NEWS)
    assert (rounded * exact).sum(axis=1).min() > 0.99
    assert not np.array_equal(rounded, exact)
    assert half.fingerprint != loaded[SentenceTransformers].fingerprint


def test_batch_size_changes_neither_vectors_nor_fingerprint(folder, loaded):
    for kind in (SentenceTransformers, BgeM3):
        small = kind(str(folder), batch_size=2)
        assert small.fingerprint == loaded[kind].fingerprint
        np.testing.assert_allclose(encoded(small, NEWS), encoded(loaded[kind], NEWS), atol=1e-5)


@BOTH
def test_the_fingerprint_depends_on_the_weights_and_not_on_the_folder(folder, tmp_path, kind):
    own = copied(folder, tmp_path / "own")
    assert kind(str(own)).fingerprint == kind(str(folder)).fingerprint
    content = bytearray((own / "model.safetensors").read_bytes())
    content[-1] ^= 1  # one bit of one weight
    (own / "model.safetensors").write_bytes(content)
    assert kind(str(own)).fingerprint != kind(str(folder)).fingerprint


def test_the_embedders_have_different_fingerprints(loaded):
    # Their pooling and cutting may differ, whatever the folder.
    assert loaded[SentenceTransformers].fingerprint != loaded[BgeM3].fingerprint


def test_a_fingerprint_imports_no_torch(folder):
    code = (
        "import sys; from newsclust_pipeline.embed.torch_models import *\n"
        f"for kind in (SentenceTransformers, BgeM3): kind({str(folder)!r}).fingerprint\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'FlagEmbedding', 'pymilvus'}\n"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@BOTH
def test_a_model_is_loaded_once_from_the_folder_without_a_network(
    folder, tmp_path, monkeypatch, kind
):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **_: asked.append(a) or [])
    model = kind(str(copied(folder, tmp_path / "own")))
    before = encoded(model, NEWS)
    shutil.rmtree(tmp_path / "own")
    assert encoded(model, NEWS).tobytes() == before.tobytes()
    assert asked == []  # a hub out of reach would cost a minute


@BOTH
def test_a_downloaded_model_has_its_commit_in_the_fingerprint(
    folder, loaded, tmp_path, monkeypatch, kind
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    commit = "c" * 40
    (tmp_path / "models--news--model" / "refs").mkdir(parents=True)
    (tmp_path / "models--news--model" / "refs" / "main").write_text(commit)
    copied(folder, tmp_path / "models--news--model" / "snapshots" / commit)
    model = kind("news/model")
    assert commit in model.fingerprint
    assert encoded(model, NEWS).tobytes() == encoded(loaded[kind], NEWS).tobytes()


@BOTH
@pytest.mark.parametrize("hub", ["huggingface", "modelscope"])
def test_a_model_is_downloaded_from_either_hub_and_gives_the_vectors_of_the_folder(
    folder, loaded, tmp_path, monkeypatch, kind, hub
):
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    with (HuggingFaceHub if hub == "huggingface" else ModelScopeHub)(files) as server:
        point_to(server.address, tmp_path / "cache", monkeypatch)
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", server.address)
        monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
        downloaded = encoded(kind("news/model", hub=hub), NEWS)
        assert server.paths
    assert downloaded.tobytes() == encoded(loaded[kind], NEWS).tobytes()


def test_a_name_without_owner_is_a_model_of_sentence_transformers(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(EmbeddingError, match=r"^sentence-transformers/news-model: .*hub"):
        _ = SentenceTransformers("news-model").fingerprint


@BOTH
def test_there_are_no_progress_bars(folder, capfd, kind):
    encoded(kind(str(folder)), ["fire"] * 40)
    assert "it/s" not in "".join(capfd.readouterr())


@BOTH
@pytest.mark.parametrize("device", ["cuda:99", "no-such-thing", "meta"])
def test_an_unknown_device_is_an_error_that_names_the_parameter(folder, kind, device):
    with pytest.raises(SettingError, match=f"`embedder.device`={device}: .*cpu"):
        list(kind(str(folder), device).encode(NEWS))


@BOTH
def test_float16_on_a_cpu_is_an_error(kind):
    with pytest.raises(SettingError, match=r"`embedder.dtype`=float16"):
        kind("news/model", dtype="float16")


@pytest.mark.parametrize(
    ("kind", "dtype"), [(SentenceTransformers, "int8"), (BgeM3, "bfloat16"), (BgeM3, "")]
)
def test_an_unsupported_dtype_is_an_error_that_lists_the_supported_ones(kind, dtype):
    with pytest.raises(SettingError, match=f"`embedder.dtype`={dtype}: .*float32, float16"):
        kind("news/model", dtype=dtype)


def test_an_empty_model_is_an_error():
    with pytest.raises(SettingError, match=r"`embedder.model` is empty"):
        SentenceTransformers("")


@BOTH
def test_a_missing_folder_is_an_error(kind, tmp_path):
    missing = tmp_path / "gone"
    with pytest.raises(EmbeddingError, match=f"{missing}: no such folder.*`embedder.model`"):
        _ = kind(str(missing)).fingerprint
    with pytest.raises(EmbeddingError, match="no such folder"):
        list(kind(str(missing)).encode(NEWS))


@BOTH
@pytest.mark.parametrize(
    ("file", "content"),
    [
        pytest.param("model.safetensors", b"\x08", id="cut weights"),
        pytest.param("config.json", b"{", id="damaged configuration"),
    ],
)
def test_a_damaged_model_is_an_error_that_names_it(folder, tmp_path, kind, file, content):
    own = copied(folder, tmp_path / "own")
    (own / file).write_bytes(content)
    with pytest.raises(EmbeddingError, match=f"{own}: can't be loaded .*`embedder.model`"):
        list(kind(str(own)).encode(NEWS))


@BOTH
def test_a_missing_tokenizer_is_an_error(folder, tmp_path, kind):
    # transformers makes one of five tokens, by which all texts are alike.
    own = copied(folder, tmp_path / "own", without=["tokenizer.json"])
    with pytest.raises(EmbeddingError, match=f"{own}: .*tokenizer.*`embedder.model`"):
        list(kind(str(own)).encode(NEWS))


@BOTH
def test_an_error_while_embedding_includes_its_cause(tmp_path, kind):
    small = tiny_model(tmp_path / "small", positions=66)
    settings = small / "tokenizer_config.json"
    settings.write_text(settings.read_text().replace(" 64,", " 600,"))  # more than it has places
    with pytest.raises(EmbeddingError, match=rf"{small}: embedding failed on cpu \(RuntimeError: "):
        list(kind(str(small)).encode(["ferry " * 500]))


def test_a_missing_package_is_an_error_with_the_command_that_installs_it(folder, monkeypatch):
    hide(monkeypatch, "sentence_transformers")
    with pytest.raises(
        EmbeddingError, match=r"pip install 'newsclust_pipeline\[sentence-transformers\]'"
    ):
        list(SentenceTransformers(str(folder)).encode(NEWS))


@pytest.mark.parametrize("module", ["FlagEmbedding", "datasets", "peft", "sentencepiece"])
def test_packages_that_bge_m3_lacks_are_an_error_and_pip_is_not_run(
    folder, tmp_path, monkeypatch, module
):
    ran = tmp_path / "pip-ran"
    pip = tmp_path / "bin" / "pip"
    pip.parent.mkdir()
    pip.write_text(f"#!/bin/sh\necho $* >> {ran}\n")
    pip.chmod(0o755)
    monkeypatch.setenv("PATH", f"{pip.parent}:{os.environ['PATH']}")
    hide(monkeypatch, module)
    with pytest.raises(
        EmbeddingError, match=rf"\({module}\): pip install 'newsclust_pipeline\[bge-m3\]'"
    ):
        list(BgeM3(str(folder)).encode(NEWS))
    assert not ran.exists()
