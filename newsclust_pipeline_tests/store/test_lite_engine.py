"""The private parts of Milvus Lite are as in the release that they were read from.

After an update, read `store/lite_engine.py` again and raise the limit in pyproject.toml.
"""

import re
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.store.connection import connect
from newsclust_pipeline.store.lite_engine import (
    collection_folder,
    read_vectors,
    start_server,
    write_segment,
)
from newsclust_pipeline_tests.documents import OWNER, assert_stored, embeddings, fill, ids


def segment(*numbers, vector=1.0):
    """Return the rows of a segment: documents with constant vectors."""
    values = np.full((len(numbers), 8), vector, np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 8)
    names = ids(*numbers)
    return pa.table({"id": names, "embedding": column, "text": names, "checksum": [1] * len(names)})


def stored(client, collection):
    blocks = list(read_vectors(client._database, collection))
    return {
        i: float(v[0]) for names, vectors in blocks for i, v in zip(names, vectors, strict=True)
    }


@pytest.fixture
def uri(tmp_path):
    return str(tmp_path / "milvus.db")


@pytest.fixture
def collection(uri):
    """An open file with an empty collection: its client and the collection's name."""
    with connect(uri, OWNER) as client:
        fill(client, "news", [])
        yield client, client.list_collections()[0]


def test_the_release_is_the_one_that_was_read():
    assert re.match(r"3\.2\.", version("milvus-lite"))


def test_a_server_starts_and_locks_the_file(tmp_path):
    from milvus_lite.exceptions import DataDirLockedError

    server, database, port = start_server(tmp_path / "milvus.db")
    try:
        assert 0 < port < 65_536
        with pytest.raises(DataDirLockedError):
            start_server(tmp_path / "milvus.db")
    finally:
        server.stop(grace=None).wait()
        database.close()


def test_a_collection_has_a_folder(tmp_path, uri):
    with connect(uri, OWNER) as client:
        client.create_collection("some", dimension=2)
    assert (collection_folder(tmp_path / "milvus.db", "some") / "schema.json").is_file()


def test_a_segment_is_found_by_the_public_interface(collection):
    client, name = collection
    write_segment(client._database, name, segment(1, 2, 3))
    rows = client.query(name, filter="", limit=10, output_fields=["id", "text", "checksum"])
    assert sorted(row["id"] for row in rows) == ids(1, 2, 3)
    assert {row["checksum"] for row in rows} == {1}
    hits = client.search(name, np.ones((1, 8), np.float32), 3, output_fields=["id"])
    assert sorted(hits[0].ids) == ids(1, 2, 3)


def test_a_segment_replaces_rows_and_deleted_rows_stay_deleted(collection):
    client, name = collection
    write_segment(client._database, name, segment(1, 2, 3))
    client.delete(name, ids=ids(3))
    write_segment(client._database, name, segment(2, 4, vector=2.0))
    assert stored(client, name) == dict(zip(ids(1, 2, 4), [1.0, 2.0, 2.0], strict=True))
    assert client.count(name) == 3
    write_segment(client._database, name, segment(3, vector=3.0))
    assert stored(client, name)["d0003"] == 3.0


def test_rows_written_by_the_public_interface_and_segments_mix(collection):
    client, name = collection
    row = segment(1, vector=5.0).to_pylist()[0]
    client.upsert(name, [row])
    write_segment(client._database, name, segment(1, 2))
    client.upsert(name, [row | {"id": "d0002"}])
    assert stored(client, name) == {"d0001": 1.0, "d0002": 5.0}


def test_segments_survive_closing_and_compaction(uri):
    with connect(uri, OWNER) as client:
        fill(client, "news", ids(*range(300)))
        for first in range(300, 900, 100):
            fill(client, "news", ids(*range(first)))
    with connect(uri, OWNER) as client:
        assert_stored(client, "news", embeddings(ids(*range(800))))


def test_vectors_are_read_bit_by_bit(collection):
    client, name = collection
    vector = np.nextafter(np.float32(1), np.float32(2))
    write_segment(client._database, name, segment(1, vector=vector))
    [(_, vectors)] = read_vectors(client._database, name)
    assert (vectors == vector).all()
