"""A folder is identified by its content, a model of the Hugging Face hub by its commit."""

import re
import time
import traceback

import pytest

from newsclust_pipeline.core.errors import EmbeddingError, SettingError
from newsclust_pipeline.embed.hub import ModelFiles
from newsclust_pipeline_tests.model_hubs import COMMIT, HuggingFaceHub, ModelScopeHub, point_to

LATER = "b" * 40
FILES = {
    "config.json": b'{"hidden_size": 8}',
    "modules.json": b"[]",
    "model.safetensors": b"weights",
    "1_Pooling/config.json": b'{"pooling": "cls"}',
    "onnx/model.onnx": b"the same weights once more",
}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with HuggingFaceHub(FILES) as server:
        point_to(server.address, tmp_path / "cache", monkeypatch)
        yield server


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    """The address of a closed port as the hub's; returns the folder of the cache."""
    cache = tmp_path / "cache"
    point_to("http://127.0.0.1:9", cache, monkeypatch)
    return cache


def write_files(folder, files=FILES):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def cached(cache, files):
    """Write files as the hub's library does, but without the list of the model's files."""
    model = cache / "models--news--model"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(COMMIT)
    return write_files(model / "snapshots" / COMMIT, files)


def revision(model):
    return ModelFiles(str(model)).revision


def test_a_folder_is_used_as_it_is(tmp_path):
    assert ModelFiles(str(write_files(tmp_path / "own"))).folder() == tmp_path / "own"


def test_a_copy_of_a_folder_has_the_same_revision(tmp_path):
    one, other = write_files(tmp_path / "one"), write_files(tmp_path / "deeper" / "other")
    assert re.fullmatch("[0-9a-f]{64}", revision(one))
    assert revision(one) == revision(other)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "1_Pooling/config.json"])
def test_every_file_that_can_change_vectors_changes_the_revision(tmp_path, name):
    before = revision(write_files(tmp_path / "own"))
    assert revision(write_files(tmp_path / "own", {name: b"else"})) != before


def test_swapped_contents_change_the_revision(tmp_path):
    one = write_files(tmp_path / "one", {"a.json": b"1", "b.json": b"2"})
    assert revision(one) != revision(
        write_files(tmp_path / "two", {"a.json": b"2", "b.json": b"1"})
    )


def test_other_files_do_not_change_the_revision(tmp_path):
    before = revision(write_files(tmp_path / "own"))
    others = {"README.md": b"read", ".git/config.json": b"{}", ".cache/x/model.bin": b"-"}
    assert revision(write_files(tmp_path / "own", others)) == before


@pytest.mark.parametrize("model", ["/no/such/folder", "./nowhere", "a/b/c", "nowhere", "../up"])
def test_a_missing_folder_is_an_error_and_no_request_to_the_hub(model, hub):
    with pytest.raises(
        EmbeddingError, match=rf"^{re.escape(model)}: no such folder.*`embedder.model`"
    ):
        revision(model)
    assert hub.paths == []


def test_a_hub_model_is_downloaded_without_files_of_other_runtimes(hub):
    files = ModelFiles("news/model")
    assert files.revision == COMMIT
    folder = files.folder()
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert found == FILES.keys() - {"onnx/model.onnx"}
    assert (folder / "1_Pooling/config.json").read_bytes() == FILES["1_Pooling/config.json"]


def test_a_downloaded_model_is_used_without_a_request_and_keeps_its_commit(hub):
    first = ModelFiles("news/model").folder()
    hub.paths.clear()
    hub.commit = LATER
    again = ModelFiles("news/model")
    assert (again.revision, again.folder()) == (COMMIT, first)
    assert hub.paths == []


def test_reading_the_revision_downloads_nothing(hub, tmp_path):
    assert revision("news/model") == COMMIT
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("lost", ["modules.json", "model.safetensors"])
def test_an_incomplete_download_is_completed_at_its_commit(hub, lost):
    folder = ModelFiles("news/model").folder()
    (folder / lost).unlink()
    completed = ModelFiles("news/model")
    assert completed.revision == COMMIT
    assert (completed.folder() / lost).read_bytes() == FILES[lost]


def test_a_partial_download_of_another_program_is_completed(hub, tmp_path):
    cached(tmp_path / "cache", {"config.json": FILES["config.json"], "model.safetensors": b"w"})
    assert (ModelFiles("news/model").folder() / "modules.json").is_file()


def test_a_partial_download_of_another_program_is_an_error_without_a_hub(no_hub):
    # It would load with another pooling, without an error.
    cached(no_hub, {"config.json": b"{}", "model.safetensors": b"w"})
    with pytest.raises(EmbeddingError, match=r"`embedder.model`"):
        ModelFiles("news/model").folder()


def test_a_downloaded_model_works_without_a_hub(no_hub):
    folder = cached(no_hub, FILES)
    files = ModelFiles("news/model")
    assert (files.revision, files.folder()) == (COMMIT, folder)


def test_a_missing_model_fails_within_seconds_without_a_hub(no_hub):
    start = time.monotonic()
    with pytest.raises(EmbeddingError, match=r"^news/model: .*hub.*`embedder.model`"):
        revision("news/model")
    assert time.monotonic() - start < 5


def test_a_hub_that_does_not_answer_is_an_error_after_the_timeout(hub):
    hub.delay = 3
    start = time.monotonic()
    with pytest.raises(EmbeddingError, match=r"^news/model: .*Timeout.*`embedder.model`"):
        _ = ModelFiles("news/model", hub_timeout=0.2).revision
    assert time.monotonic() - start < 2


def test_a_model_that_the_hub_does_not_have_is_an_error(hub):
    with pytest.raises(EmbeddingError, match=r"^news/other: .*`embedder.model`"):
        revision("news/other")


def test_messages_contain_no_credentials_of_the_hubs_address(hub, monkeypatch, tmp_path):
    address = hub.address.replace("//", "//reader:s3cret@")
    point_to(address, tmp_path / "cache", monkeypatch)
    with pytest.raises(EmbeddingError) as raised:
        revision("news/other")
    # The whole chain of errors, as logs show it.
    assert "s3cret" not in "".join(traceback.format_exception(raised.value, chain=True))
    assert "127.0.0.1" in str(raised.value)


# ModelScope


@pytest.fixture
def modelscope(tmp_path, monkeypatch):
    with ModelScopeHub(FILES | {"tokenizer_config.json": b"{}"}) as server:
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", server.address)
        monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
        yield server


def test_a_model_of_modelscope_is_downloaded_once_without_files_of_other_runtimes(modelscope):
    first = ModelFiles("news/model", "modelscope")
    folder = first.folder()
    names = {
        str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix in {".json", ".onnx"}
    }
    assert {"config.json", "1_Pooling/config.json"} <= names
    assert "onnx/model.onnx" not in names
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    modelscope.paths.clear()
    again = ModelFiles("news/model", "modelscope")
    assert (again.revision, again.folder()) == (first.revision, folder)
    assert modelscope.paths == []


def test_a_model_of_modelscope_is_identified_by_its_content(modelscope, tmp_path):
    files = ModelFiles("news/model", "modelscope")
    copied = write_files(
        tmp_path / "own", {k: v for k, v in modelscope.files.items() if "onnx" not in k}
    )
    assert files.revision == revision(copied)


def test_an_incomplete_download_of_modelscope_is_completed(modelscope):
    (ModelFiles("news/model", "modelscope").folder() / "model.safetensors").unlink()
    folder = ModelFiles("news/model", "modelscope").folder()
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]


@pytest.mark.parametrize("model", ["news/other", "news/model"])
def test_a_model_that_modelscope_does_not_have_is_an_error(modelscope, monkeypatch, model):
    if model == "news/model":
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")  # nobody answers
    with pytest.raises(EmbeddingError, match=rf"^{model}: .*ModelScope failed.*`embedder\.model`"):
        ModelFiles(model, "modelscope").folder()


def test_without_the_package_of_modelscope_the_error_has_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EmbeddingError, match=r"pip install 'newsclust_pipeline\[modelscope\]'"):
        ModelFiles("news/model", "modelscope").folder()


def test_an_unknown_hub_is_an_error_that_lists_the_hubs():
    with pytest.raises(SettingError, match=r"`embedder\.hub`=github: .*huggingface or modelscope"):
        ModelFiles("news/model", "github")
