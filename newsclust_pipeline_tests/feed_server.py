"""A real HTTP server on loopback that serves feeds in every format, and misbehaves on request."""

import gzip
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What the server answers at one path.

    Attributes:
        body: bytes, or an iterator factory for bodies that are made while they are sent.
        status: of HTTP.
        headers: of the answer.
        pause: seconds between chunks.
    """

    body: object = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits for an acknowledgement, 40 ms
    server: "FeedServer"

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        page = self.server.pages.get(self.path, Page(status=404))
        with self.server.busy():
            self.answer(page)

    def answer(self, page):
        etag = page.headers.get("ETag")
        modified = page.headers.get("Last-Modified")
        fresh = (etag and self.headers.get("If-None-Match") == etag) or (
            modified and self.headers.get("If-Modified-Since") == modified
        )
        body = b"" if fresh else page.body
        self.send_response(304 if fresh else page.status)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if isinstance(body, bytes):
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.close_connection = True
            self.end_headers()
            self.stream(body(), page.pause)

    def stream(self, chunks, pause):
        try:
            for chunk in chunks:
                self.wfile.write(chunk)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            pass  # the client has had enough

    def log_message(self, *_):
        pass


class FeedServer(ThreadingHTTPServer):
    """A context manager; `pages` may change while it runs."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, *_):
        pass  # clients that hang up are part of the tests

    def busy(self):
        server = self

        class Turn:
            def __enter__(self):
                with server._lock:
                    server.at_once += 1
                    server.most_at_once = max(server.most_at_once, server.at_once)

            def __exit__(self, *_):
                with server._lock:
                    server.at_once -= 1

        return Turn()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def asked(self):
        return Counter(path for path, _ in self.requests)


def rss(items, title="Harbour Post", head="", encoding="utf-8"):
    """An RSS 2.0 feed of (title, description, url, guid) items, all of one day."""
    parts = "".join(
        f"<item><title>{t}</title><description>{d}</description><link>{u}</link>"
        f"<guid>{g}</guid><pubDate>Tue, 05 Mar 2024 08:15:00 GMT</pubDate></item>"
        for t, d, u, g in items
    )
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><rss version="2.0"><channel>'
        f"<title>{title}</title>{head}{parts}</channel></rss>"
    )
    return text.encode(encoding)


def numbered(first, last):
    """Items of numbered articles for `rss`."""
    return [
        (f"Headline {n}", f"Text of {n}", f"https://news.example/{n}", f"id-{n}")
        for n in range(first, last + 1)
    ]


def packed(body):
    return gzip.compress(body)
