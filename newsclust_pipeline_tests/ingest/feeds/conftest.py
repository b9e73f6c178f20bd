"""A feed server, a landing folder and an update of all feeds."""

import gzip
import json
import time

import pytest

from newsclust_pipeline.ingest.feeds.addresses import Address
from newsclust_pipeline.ingest.feeds.fetch import open_client
from newsclust_pipeline.ingest.feeds.state import FeedStore
from newsclust_pipeline.ingest.feeds.update import update
from newsclust_pipeline_tests.feed_server import FeedServer


@pytest.fixture
def server():
    with FeedServer() as running:
        yield running


@pytest.fixture
def client():
    """A client that may read feeds on loopback, where the server is."""
    with open_client("newsclust tests", allow_private=True) as opened:
        yield opened


class Updates:
    """Updates of a server's feeds, one after another."""

    def __init__(self, server, client, folder):
        self.server, self.client, self.folder = server, client, folder
        self.now = time.time()

    def __call__(self, *paths, later=0.0, **options):
        self.now += later
        addresses = [Address(p if "://" in p else self.server.url(p)) for p in paths]
        with FeedStore(self.folder / "feeds.sqlite") as store:
            return update(addresses, self.folder / "feeds", store, self.client, self.now, **options)

    def titles(self):
        files = sorted((self.folder / "feeds").glob("*.jsonl.gz"))
        lines = b"".join(gzip.decompress(file.read_bytes()) for file in files).splitlines()
        return [json.loads(line)["title"] for line in lines]


@pytest.fixture
def updates(server, client, tmp_path):
    return Updates(server, client, tmp_path)
