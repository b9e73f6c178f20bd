"""The index of a collection is replaced when another one is required."""

from newsclust_pipeline.store.collection import sync
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline_tests.documents import articles, assert_stored, embeddings, fill, ids


def test_another_index_replaces_the_former_one(client, name):
    table = embeddings(ids(1, 2, 3))
    fill(client, name, ids(1, 2, 3))
    hnsw = Index("HNSW", build={"M": 8, "efConstruction": 64})
    for wanted in (hnsw, hnsw, Index("IVF_FLAT", build={"nlist": 2}), Index()):
        done = sync(client, name, articles(ids(1, 2, 3)), table, wanted)
        built = client.describe_index(name, "embedding")
        assert (done.new, done.state.index, built["index_type"]) == (0, wanted.kind, wanted.kind)
        params = built | built.get("params", {})  # Milvus Lite nests them
        assert {key: int(params[key]) for key in wanted.build} == wanted.build
        assert_stored(client, name, table)
