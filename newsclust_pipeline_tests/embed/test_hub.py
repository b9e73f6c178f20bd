"""A folder is identified by its content, a model of a hub by its commit.

The hub is a server on loopback with the routes that a download needs.
"""

import hashlib
import json
import re
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import constants

from newsclust_pipeline.core.errors import EmbeddingError
from newsclust_pipeline.embed.hub import ModelFiles

COMMIT, LATER = "a" * 40, "b" * 40
FILES = {
    "config.json": b'{"hidden_size": 8}',
    "modules.json": b"[]",
    "model.safetensors": b"weights",
    "1_Pooling/config.json": b'{"pooling": "cls"}',
    "onnx/model.onnx": b"the same weights once more",
}


class Hub(ThreadingHTTPServer):
    """Has one model, news/model, at one commit."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.commit, self.delay, self.paths = COMMIT, 0.0, []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(self.server.delay)
        self.server.paths.append(self.path)
        path = self.path.partition("?")[0]
        if path == "/api/models/news/model":
            self.answer(json.dumps({"id": "news/model", "sha": self.server.commit}).encode())
        elif path == f"/api/models/news/model/tree/{COMMIT}":
            files = [
                {"type": "file", "path": name, "size": len(content), "oid": _etag(content)}
                for name, content in FILES.items()
            ]
            self.answer(json.dumps(files).encode())
        else:
            name = path.removeprefix(f"/news/model/resolve/{COMMIT}/")
            self.answer(FILES[name]) if name in FILES else self.send_error(404)

    def do_HEAD(self):
        self.do_GET()

    def answer(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{_etag(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def _etag(content):
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    server = Hub()
    point_to(server.address, tmp_path / "cache", monkeypatch)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    """The address of a closed port as the hub's; returns the folder of the cache."""
    cache = tmp_path / "cache"
    point_to("http://127.0.0.1:9", cache, monkeypatch)
    return cache


def point_to(address, cache, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


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
