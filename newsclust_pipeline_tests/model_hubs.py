"""Hubs of models on loopback, with the routes of a download. Each has one model, news/model."""

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from huggingface_hub import constants

COMMIT = "a" * 40


class _Hub(ThreadingHTTPServer):
    """Serves while entered.

    Attributes:
        files: the content of the model's files by name.
        commit: the newest commit.
        delay: seconds before every answer.
        paths: the paths of all requests.
    """

    handler: type[BaseHTTPRequestHandler]

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), self.handler)
        self.files, self.commit, self.delay, self.paths = dict(files), COMMIT, 0.0, list[str]()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        time.sleep(self.server.delay)
        self.server.paths.append(self.path)
        content = self.content(urlsplit(self.path).path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{_etag(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def content(self, path: str) -> bytes | None:
        raise NotImplementedError

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _HuggingFaceHandler(_Handler):
    def content(self, path: str) -> bytes | None:
        files = self.server.files
        if path == "/api/models/news/model":
            return json.dumps({"id": "news/model", "sha": self.server.commit}).encode()
        if path == f"/api/models/news/model/tree/{COMMIT}":
            return json.dumps(
                [
                    {"type": "file", "path": name, "size": len(content), "oid": _etag(content)}
                    for name, content in files.items()
                ]
            ).encode()
        return files.get(path.removeprefix(f"/news/model/resolve/{COMMIT}/"))


class _ModelScopeHandler(_Handler):
    def content(self, path: str) -> bytes | None:
        files = self.server.files
        if path == "/api/v1/models/news/model/repo":
            return files.get(parse_qs(urlsplit(self.path).query)["FilePath"][0])
        if path != "/api/v1/models/news/model/repo/files":
            return None
        listed = [
            {"Path": name, "Name": name, "Type": "blob", "Size": len(content),
             "Sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        ]  # fmt: skip
        return json.dumps({"Code": 200, "Success": True, "Data": {"Files": listed}}).encode()


class HuggingFaceHub(_Hub):
    """The Hugging Face hub."""

    handler = _HuggingFaceHandler


class ModelScopeHub(_Hub):
    """ModelScope."""

    handler = _ModelScopeHandler


def point_to(address: str, cache: Path, monkeypatch: Any) -> None:
    """Let the client of the Hugging Face hub use an address and a folder for its cache."""
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def _etag(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
