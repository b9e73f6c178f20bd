"""No private networks, no endless answers."""

import gzip
import time
import zlib

import brotli
import httpcore2
import pytest

from newsclust_pipeline.ingest.feeds.fetch import Known, fetch, open_client
from newsclust_pipeline.ingest.feeds.transport import (
    FetchError,
    PrivateAddressError,
    bounded_body,
    public_addresses,
    time_limit,
)
from newsclust_pipeline_tests.feed_server import Page, numbered, rss


@pytest.fixture
def strict():
    with open_client("newsclust tests", allow_private=False) as opened:
        yield opened


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254",
     "0.0.0.0",  # noqa: S104
     "100.64.0.1", "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "224.0.0.1",
     "2130706433", "0x7f.1", "127.1"],
)  # fmt: skip
def test_private_hosts_are_refused_however_they_are_written(host):
    with pytest.raises(PrivateAddressError, match="private network"):
        public_addresses(host, 80)


def test_public_addresses_are_allowed():
    assert public_addresses("93.184.216.34", 80) == ["93.184.216.34"]


def test_a_feed_on_loopback_is_refused_before_a_request_is_sent(server, strict):
    server.pages["/rss"] = Page(rss(numbered(1, 1)))
    with pytest.raises(PrivateAddressError, match=r"Allow it with `feeds\.allow_private`"):
        fetch(strict, Known(server.url("/rss")))
    assert not server.requests


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_compressed_bodies_are_decompressed(server, client, coding):
    body = rss(numbered(1, 200))
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[coding](body)
    server.pages["/rss"] = Page(packed, headers={"Content-Encoding": coding})
    assert fetch(client, Known(server.url("/rss"))).body == body


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_small_body_that_unpacks_to_a_gigabyte_is_refused(server, client, coding):
    zeros = bytes(1 << 24)
    if coding == "gzip":
        bomb = _gzip_bomb(zeros, 64)
    else:
        packer = brotli.Compressor(quality=1)
        bomb = b"".join(packer.process(zeros) for _ in range(64)) + packer.finish()
    assert len(bomb) < 16 << 20
    server.pages["/bomb"] = Page(bomb, headers={"Content-Encoding": coding})
    with pytest.raises(FetchError, match="larger than 16 MiB"):
        fetch(client, Known(server.url("/bomb")))


def _gzip_bomb(zeros, times):
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join(packer.compress(zeros) for _ in range(times)) + packer.flush()


def test_a_body_without_end_is_cut_off(server, client):
    def endless():
        while True:
            yield bytes(1 << 20)

    server.pages["/huge"] = Page(endless)
    with pytest.raises(FetchError, match="larger than 16 MiB"):
        fetch(client, Known(server.url("/huge")))


def test_a_body_that_drips_ends_at_the_time_limit(server, client):
    def drip():
        while True:
            yield b" "

    server.pages["/slow"] = Page(drip, pause=0.05)
    began = time.monotonic()
    with (
        pytest.raises(httpcore2.ReadTimeout),
        time_limit(0.6),
        client.stream("GET", server.url("/slow")) as response,
    ):
        bounded_body(response, 1 << 20)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_body_that_is_not_compressed_as_it_says_is_an_error(server, client, coding):
    server.pages["/rss"] = Page(b"plain text", headers={"Content-Encoding": coding})
    with pytest.raises(FetchError, match="compress"):
        fetch(client, Known(server.url("/rss")))


def test_requests_go_through_the_proxy_of_the_environment(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url(""))
    monkeypatch.setenv("no_proxy", "")
    server.pages["http://93.184.216.34/rss"] = Page(rss(numbered(1, 1)))
    with open_client("newsclust tests", allow_private=False) as opened:
        assert fetch(opened, Known("http://93.184.216.34/rss")).status == 200
        with pytest.raises(PrivateAddressError):
            fetch(opened, Known("http://10.0.0.1/rss"))
