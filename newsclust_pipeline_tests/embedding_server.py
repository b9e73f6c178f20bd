"""A real HTTP server that speaks OpenAI's embeddings and chats, and can be made to fail.

Texts' vectors come from their hashes, so that a test knows them without the server, or from whoever
uses it.
"""

import base64
import contextlib
import hashlib
import json
import os
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from typing import Any, Self

import numpy as np

# What can befall a request. The last never gets an answer.
FAULTS = ("429", "429 with Retry-After", "500", "reset", "hang")


def vector_of(text: str, dimension: int = 8) -> np.ndarray:
    """The vector of a text: float32, exact in base64 and in decimal."""
    digest = hashlib.shake_256(text.encode()).digest(2 * dimension)
    return np.frombuffer(digest, "<i2").astype(np.float32) / 2**15


def at_random(share: float, seed: int, kinds: Iterable[str] = FAULTS) -> Iterator[str]:
    """A share of all requests fails, by one of these kinds each."""
    chance, kinds = random.Random(seed), list(kinds)  # noqa: S311 (no secret)
    while True:
        yield chance.choice(kinds) if chance.random() < share else ""


class EmbeddingServer:
    """Serves on loopback while entered. All attributes may be changed meanwhile.

    Attributes:
        faults: asked at every request what befalls it: nothing (""), one of FAULTS, "html",
            "not json", "no data" or a status.
        authorization: the header that requests must have; empty for none.
        encoding: "base64" is done on request, or "ignored", or "refused".
        unknown_model: the status that another model's name is answered with.
        most_texts, most_characters: of a request, and of a text; more is refused by 422 and 400.
        refused: texts with this in them are refused by 400.
        vector: gives a text's vector.
        change: what is done to the items of an answer before it is sent.
        delay: seconds that every answer takes.
        retry_after: what the header says.
        title: what a chat is answered with, of the data in it, unless the data give an order.
        finish: why the model stopped talking.
        chats: all that was asked of a chat.
        texts: all texts answered with vectors, in the order of the answers.
        requests: when each came, whatever became of it.
        most_in_flight: requests at one time, at most.
    """

    def __init__(self, **settings: Any) -> None:
        self.model, self.dimension = "hash-embeddings", 8
        self.faults: Iterator[str] = repeat("")
        self.authorization, self.encoding, self.unknown_model = "", "base64", 404
        self.most_texts, self.most_characters, self.refused = 2048, 10**9, "\0"
        self.vector: Callable[[str], np.ndarray] = lambda text: vector_of(text, self.dimension)
        self.change: Callable[[list[dict]], list[dict]] = lambda items: items
        self.delay, self.retry_after = 0.0, "0.05"
        self.title: Callable[[dict], str | None] = lambda data: data["headlines"][0].upper()
        self.finish = "stop"
        self.chats: list[dict] = []
        self.texts: list[str] = []
        self.requests: list[float] = []
        self.in_flight = self.most_in_flight = 0
        for name, value in settings.items():
            getattr(self, name)  # no setting is misspelt
            setattr(self, name, value)
        self.lock, self.closing = threading.Lock(), threading.Event()

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"of": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads, self._http.block_on_close = True, False
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def answer(self, asked: dict, authorization: str) -> tuple[int, dict]:
        """Return the status and the content of an answer."""
        texts, encoding = asked["input"], asked.get("encoding_format")
        for wrong, status, message in [
            # As careless as can be: a service should not repeat the key.
            (authorization != (self.authorization or authorization), 401, f"No: {authorization}"),
            (asked["model"] != self.model, self.unknown_model, f"No model `{asked['model']}`"),
            ((self.encoding, encoding) == ("refused", "base64"), 400, "base64 is not supported"),
            (len(texts) > self.most_texts, 422, f"batch size > maximum {self.most_texts}"),
            (any(len(t) > self.most_characters for t in texts), 400, "maximum context length"),
            (not all(texts) or any(self.refused in t for t in texts), 400, "can't be embedded"),
        ]:
            if wrong:
                return status, error(message)
        with self.lock:
            self.texts += texts
        data = [self.item(i, t, encoding) for i, t in enumerate(texts)]
        return 200, {"object": "list", "model": self.model, "data": self.change(data)}

    def chat(self, asked: dict, authorization: str) -> tuple[int, dict]:
        """Answer a chat; as a model would that follows every instruction, wherever it stands."""
        if authorization != (self.authorization or authorization):
            return 401, error(f"No: {authorization}")
        with self.lock:
            self.chats.append(asked)
        message = asked["messages"][-1]["content"]
        if self.refused in message:
            return 400, error("content policy")
        order = re.search(r"[Aa]nswer:? ([^\"]+)", message)
        title = order[1] if order else self.title(json.loads(message))
        choice = {"message": {"role": "assistant", "content": title}, "finish_reason": self.finish}
        return 200, {"object": "chat.completion", "choices": [choice]}

    def item(self, index: int, text: str, encoding: str | None) -> dict:
        """Return the part of an answer for one text."""
        vector: Any = self.vector(text)
        if encoding == "base64" and self.encoding != "ignored":
            vector = base64.b64encode(vector.astype("<f4").tobytes()).decode()
        else:
            vector = vector.tolist()
        return {"object": "embedding", "index": index, "embedding": vector}


def error(message: str) -> dict:
    """Say it as OpenAI does."""
    return {"error": {"message": message, "type": "invalid_request_error"}}


class _Handler(BaseHTTPRequestHandler):
    of: EmbeddingServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: else each answer waits 40 ms for the other's ACK

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        of, body = self.of, self.rfile.read(int(self.headers["Content-Length"]))
        with of.lock:
            of.requests.append(time.monotonic())
            of.in_flight += 1
            of.most_in_flight = max(of.most_in_flight, of.in_flight)
            fault, delay = next(of.faults), of.delay
        try:
            of.closing.wait(delay)
            self.befall(fault) if fault else self.give(body)
        finally:
            with of.lock:
                of.in_flight -= 1

    def give(self, body: bytes) -> None:
        status, content = (404, error(f"nothing is at {self.path}"))
        if self.path.partition("?")[0] == "/v1/embeddings":
            status, content = self.of.answer(json.loads(body), self.headers["Authorization"])
        if self.path.partition("?")[0] == "/v1/chat/completions":
            status, content = self.of.chat(json.loads(body), self.headers["Authorization"])
        self.send(status, json.dumps(content))

    def befall(self, fault: str) -> None:
        if fault in {"drip", "large", "gzip"}:
            self.send_body(fault)
        elif fault == "deep":
            self.send(200, "[" * 200_000 + "]" * 200_000)
        elif fault.startswith("redirect "):
            self.send_response(308)
            self.send_header("Location", fault.removeprefix("redirect "))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault == "hang":
            self.of.closing.wait()
            self.close_connection = True
        elif fault == "reset":
            # A time of 0 to linger makes closing a reset; detached, nobody says goodbye before.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
            self.close_connection = True
        elif fault == "html":
            self.send(200, "<!doctype html><title>Welcome to nginx!</title>", "text/html")
        elif fault in {"not json", "no data"}:
            self.send(200, '{"data": [' if fault == "not json" else '{"object": "list"}')
        else:
            status, _, header = fault.partition(" with ")
            self.send(int(status), json.dumps(error("try later")), retry=bool(header))

    def send_body(self, fault: str) -> None:
        """Send a body that arrives byte by byte, is too large or compressed."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        if fault == "gzip":
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(1 << 30))
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            while not self.of.closing.wait(0.1 if fault == "drip" else 0):
                self.wfile.write(b" " if fault == "drip" else bytes(1 << 20))
                self.wfile.flush()

    def send(
        self, status: int, content: str, kind: str = "application/json", *, retry: bool = False
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content.encode())))
        if retry:
            self.send_header("Retry-After", self.of.retry_after)
        self.end_headers()
        self.wfile.write(content.encode())
