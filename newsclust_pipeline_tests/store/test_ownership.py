"""Collections of others are neither used nor dropped."""

import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline_tests.documents import collections_of, fill, ids


def test_a_foreign_collection_of_that_name_is_refused_and_kept(client, name):
    client.create_collection(name, dimension=2)
    with pytest.raises(
        CollectionError, match=rf"{name}: created by something else.*`milvus.collection`"
    ):
        fill(client, name, ids(1, 2))
    assert collections_of(client, name) == [name]


def test_a_foreign_alias_of_that_name_is_refused_and_its_collection_kept(client, name):
    client.create_collection(f"precious_{name}", dimension=2)
    client.create_alias(f"precious_{name}", name)
    try:
        with pytest.raises(CollectionError, match=f"{name}.*`milvus.collection`"):
            fill(client, name, ids(1, 2))
    finally:
        assert f"precious_{name}" in client.list_collections()
