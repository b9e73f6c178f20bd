"""A dump on a web server: read once, as a whole, and its secrets stay secret."""

import gzip
import os
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.core.locations import StoreError, parse_location
from newsclust_pipeline.defs.automation import manifest
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps

CSV = b"title,url\n" + b"".join(
    b"Storm %d nears coast,http://a.example/%d\n" % (n, n) for n in range(99)
)


class Handler(BaseHTTPRequestHandler):
    """Serves the server's files; `headers_of` are sent with them."""

    def do_HEAD(self):
        self.answer(send_body=False)

    def do_GET(self):
        self.answer(send_body=True)

    def answer(self, send_body):
        self.server.requests.append((self.command, self.path))
        body = self.server.files.get(self.path)
        self.send_response(200 if body is not None else 404)
        for name, value in (self.server.headers_of(body) if body is not None else {}).items():
            self.send_header(name, value)
        self.end_headers()
        if send_body and body is not None:
            self.wfile.write(body)

    def log_message(self, *_):
        """Print nothing."""


READ = """
import sys
from newsclust_pipeline.core.locations import parse_location
from newsclust_pipeline.ingest.discover import find_dumps
print(len(list(find_dumps(parse_location(sys.argv[1], "news.path")).rows())))
"""


@pytest.fixture
def server():
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.files, running.requests = {}, []
    running.headers_of = lambda body: {"Content-Length": str(len(body)), "ETag": f'"{len(body)}"'}
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def dumps(server, path, login="", scheme="http"):
    address = f"{scheme}://{login}localhost:{server.server_address[1]}{path}"
    return find_dumps(parse_location(address, "news.path"))


@pytest.mark.parametrize("name", ["news.csv", "news.csv.gz", "more%20news.csv"])
def test_a_dump_is_read_by_one_request(server, name):
    server.files[f"/a/{name}?key=secret"] = gzip.compress(CSV) if name.endswith("gz") else CSV
    found = dumps(server, f"/a/{name}?key=secret")
    table = collect_articles(found.rows()).table
    assert table.num_rows == 99
    assert set(table["dump"].to_pylist()) == {name.replace("%20", " ")}
    assert [method for method, _ in server.requests].count("GET") == 1


def test_a_dump_is_read_over_tls(server, tmp_path):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.files["/news.csv"] = CSV
    with pytest.raises(StoreError, match="certificate"):
        dumps(server, "/news.csv", scheme="https")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    address = f"https://localhost:{server.server_address[1]}/news.csv"
    read = subprocess.run(  # the certificates are read when the process begins
        [sys.executable, "-c", READ, address],
        env=os.environ | {"SSL_CERT_FILE": str(tmp_path / "ca.pem")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.stdout == "99\n", read.stderr


def test_an_unchanged_dump_is_recognised_without_being_read(server):
    server.files["/news.csv"] = CSV
    first = dumps(server, "/news.csv").digest()
    assert dumps(server, "/news.csv").digest() == first
    server.files["/news.csv"] = CSV + b"Fog,\n"
    assert dumps(server, "/news.csv").digest() != first
    assert not [path for method, path in server.requests if method == "GET"]
    server.headers_of = lambda body: {"Content-Length": str(len(body))}
    assert dumps(server, "/news.csv").digest() != dumps(server, "/news.csv").digest()


def test_the_sensor_sees_its_version_and_time(server):
    server.files["/news.csv"] = CSV
    server.headers_of = lambda body: {
        "Content-Length": str(len(body)),
        "Last-Modified": "Thu, 26 Nov 2026 10:00:00 GMT",
    }
    address = f"http://localhost:{server.server_address[1]}/news.csv?key=secret"
    server.files["/news.csv?key=secret"] = CSV
    ((name, size, time_ns, version),) = manifest(parse_location(address, "news.path"))
    assert (name, size, time_ns) == ("news.csv", len(CSV), 1_795_687_200_000_000_000)
    assert version


def test_a_missing_dump_is_named_without_its_secrets(server):
    with pytest.raises(DumpError, match=r"http://…@localhost:\d+/a\.csv\?…: no such file") as error:
        dumps(server, "/a.csv?key=secret", login="me:secret@")
    assert "secret" not in str(error.value)


def test_a_server_that_does_not_answer_is_an_error(server):
    port = server.server_address[1]
    server.shutdown()
    server.server_close()
    with pytest.raises(
        StoreError, match=r"localhost:\d+/a\.csv\?…: can't be read.*Cannot connect"
    ) as e:
        find_dumps(parse_location(f"http://localhost:{port}/a.csv?key=secret", "news.path"))
    assert "secret" not in str(e.value)


def test_a_dump_that_is_cut_off_is_an_error(server):
    server.files["/news.csv"] = CSV
    found = dumps(server, "/news.csv")
    server.headers_of = lambda body: {"Content-Length": str(len(body) + 10)}
    with pytest.raises(StoreError, match=r"news\.csv: can't be read or written"):
        list(found.rows())


def test_a_page_that_is_no_dump_is_refused(server):
    server.files["/index.html"] = b"<p>"
    with pytest.raises(DumpError, match=r"/index\.html: not a dump"):
        dumps(server, "/index.html")
