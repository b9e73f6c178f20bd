"""A model's files: local folders by their content, hub models by their commit.

The hub is a server on loopback that answers as far as a download needs it to.
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
    """Holds one model, news/model, at one commit."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.commit, self.silent, self.asked = COMMIT, 0.0, []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(self.server.silent)
        self.server.asked.append(self.path)
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
    """A hub's address where nobody listens; gives the folder of its cache."""
    cache = tmp_path / "cache"
    point_to("http://127.0.0.1:9", cache, monkeypatch)
    return cache


def point_to(address, cache, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def written(folder, files=FILES):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def cached(cache, files):
    """Lay files down as the hub's own library does, without the list of what there is."""
    model = cache / "models--news--model"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(COMMIT)
    return written(model / "snapshots" / COMMIT, files)


def revision(model):
    return ModelFiles(str(model)).revision


def test_a_folder_is_taken_as_it_is(tmp_path):
    assert ModelFiles(str(written(tmp_path / "own"))).folder() == tmp_path / "own"


def test_a_copy_of_a_folder_is_the_same_revision_wherever_it_lies(tmp_path):
    one, other = written(tmp_path / "one"), written(tmp_path / "deeper" / "other")
    assert re.fullmatch("[0-9a-f]{64}", revision(one))
    assert revision(one) == revision(other)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "1_Pooling/config.json"])
def test_any_file_that_decides_vectors_changes_the_revision(tmp_path, name):
    before = revision(written(tmp_path / "own"))
    assert revision(written(tmp_path / "own", {name: b"else"})) != before


def test_contents_that_change_places_change_the_revision(tmp_path):
    one = written(tmp_path / "one", {"a.json": b"1", "b.json": b"2"})
    assert revision(one) != revision(written(tmp_path / "two", {"a.json": b"2", "b.json": b"1"}))


def test_files_that_decide_nothing_leave_the_revision_as_it_is(tmp_path):
    before = revision(written(tmp_path / "own"))
    others = {"README.md": b"read", ".git/config.json": b"{}", ".cache/x/model.bin": b"-"}
    assert revision(written(tmp_path / "own", others)) == before


@pytest.mark.parametrize("model", ["/no/such/folder", "./nowhere", "a/b/c", "nowhere", "../up"])
def test_a_folder_that_is_not_there_is_named_without_asking_the_hub(model, hub):
    with pytest.raises(EmbeddingError, match=rf"^{re.escape(model)}: no such folder.*EMBEDDER_MOD"):
        revision(model)
    assert hub.asked == []


def test_a_hub_model_is_downloaded_once_without_what_no_one_reads(hub):
    files = ModelFiles("news/model")
    assert files.revision == COMMIT
    folder = files.folder()
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert found == FILES.keys() - {"onnx/model.onnx"}
    assert (folder / "1_Pooling/config.json").read_bytes() == FILES["1_Pooling/config.json"]


def test_a_hub_model_that_is_here_is_used_without_asking_and_stays_as_it_is(hub):
    first = ModelFiles("news/model").folder()
    hub.asked.clear()
    hub.commit = LATER
    again = ModelFiles("news/model")
    assert (again.revision, again.folder()) == (COMMIT, first)
    assert hub.asked == []


def test_asking_for_the_revision_downloads_nothing(hub, tmp_path):
    assert revision("news/model") == COMMIT
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("lost", ["modules.json", "model.safetensors"])
def test_a_half_downloaded_model_is_completed_at_its_own_commit(hub, lost):
    folder = ModelFiles("news/model").folder()
    (folder / lost).unlink()
    completed = ModelFiles("news/model")
    assert completed.revision == COMMIT
    assert (completed.folder() / lost).read_bytes() == FILES[lost]


def test_a_model_that_others_fetched_in_part_is_completed(hub, tmp_path):
    cached(tmp_path / "cache", {"config.json": FILES["config.json"], "model.safetensors": b"w"})
    assert (ModelFiles("news/model").folder() / "modules.json").is_file()


def test_a_model_that_others_fetched_in_part_is_refused_when_there_is_no_hub(no_hub):
    # Loaded as it is, it would give vectors of another pooling, and no one would know.
    cached(no_hub, {"config.json": b"{}", "model.safetensors": b"w"})
    with pytest.raises(EmbeddingError, match="NEWSCLUST_EMBEDDER_MODEL"):
        ModelFiles("news/model").folder()


def test_without_a_hub_a_model_that_is_here_works(no_hub):
    folder = cached(no_hub, FILES)
    files = ModelFiles("news/model")
    assert (files.revision, files.folder()) == (COMMIT, folder)


def test_without_a_hub_a_model_that_is_not_here_fails_within_seconds_by_name(no_hub):
    start = time.monotonic()
    with pytest.raises(EmbeddingError, match=r"^news/model: .*hub.*NEWSCLUST_EMBEDDER_MODEL"):
        revision("news/model")
    assert time.monotonic() - start < 5


def test_a_hub_that_says_nothing_is_given_up_after_the_time_set(hub):
    hub.silent = 3
    start = time.monotonic()
    with pytest.raises(EmbeddingError, match=r"^news/model: .*Timeout.*NEWSCLUST_EMBEDDER_MODEL"):
        _ = ModelFiles("news/model", hub_timeout=0.2).revision
    assert time.monotonic() - start < 2


def test_a_model_that_the_hub_does_not_know_is_named(hub):
    with pytest.raises(EmbeddingError, match=r"^news/other: .*NEWSCLUST_EMBEDDER_MODEL"):
        revision("news/other")


def test_credentials_in_the_hubs_address_are_in_no_message(hub, monkeypatch, tmp_path):
    address = hub.address.replace("//", "//reader:s3cret@")
    point_to(address, tmp_path / "cache", monkeypatch)
    with pytest.raises(EmbeddingError) as raised:
        revision("news/other")
    # With all that led to it, as logs show it.
    assert "s3cret" not in "".join(traceback.format_exception(raised.value, chain=True))
    assert "127.0.0.1" in str(raised.value)
