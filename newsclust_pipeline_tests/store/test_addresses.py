"""Addresses of servers and paths of files."""

import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store.addresses import is_server
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline_tests.documents import OWNER

SECRET = "very-secret"  # noqa: S105


@pytest.mark.parametrize(
    ("uri", "server"),
    [("data/milvus.db", False), ("/var/milvus.db", False), ("http://milvus:19530", True)],
)
def test_only_an_address_with_a_scheme_is_a_server(uri, server):
    assert is_server(uri) is server


@pytest.mark.parametrize(
    "uri",
    [
        f"ftp://root:{SECRET}@milvus:19530",
        f"tcp://root:{SECRET}@milvus:19530",
        f"http://root:{SECRET}@",
        f"http://root:{SECRET}@milvus:port",
        f"http://root:{SECRET}@milvus:99999",
        f"root:{SECRET}@milvus:19530",
    ],
)
def test_a_malformed_address_is_refused_without_printing_its_password(uri):
    with pytest.raises(CollectionError, match=r"`milvus.uri`.*http") as caught, connect(uri, OWNER):
        pass
    assert SECRET not in str(caught.value)
