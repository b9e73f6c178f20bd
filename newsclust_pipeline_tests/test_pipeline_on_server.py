"""The whole pipeline on a real Milvus server."""

import numpy as np
import pytest

from newsclust_pipeline.defs.resources import SAMPLE, DataFolder, Embedder
from newsclust_pipeline.search.files import read_neighbours
from newsclust_pipeline_tests.conftest import Pipeline, write_dump
from newsclust_pipeline_tests.embedding_server import EmbeddingServer, vector_of
from newsclust_pipeline_tests.test_pipeline import command_line

pytestmark = pytest.mark.slow


def test_a_milvus_server_by_settings_alone_gives_the_same_as_milvus_lite(
    milvus_server, vectors_seen, tmp_path
):
    made = Pipeline(
        SAMPLE, tmp_path / "a", vectors_seen, uri=milvus_server.uri, collection="sample"
    )
    lite = Pipeline(SAMPLE, tmp_path / "b", vectors_seen)
    assert made.run().success
    assert lite.run().success
    assert made.metadata("knn_distance_matrix")["searched_by"] == "milvus"
    assert lite.metadata("knn_distance_matrix")["searched_by"] == "faiss"
    for name in ("knn_distance_matrix.npz", "hdbscan_labels.parquet", "umap_projection.parquet"):
        assert (made.data / name).read_bytes() == (lite.data / name).read_bytes()


@pytest.mark.parametrize("milvus", ["lite", "server"])
def test_distances_follow_the_vectors_when_a_service_changes_its_model(
    request, tmp_path, sample_rows, milvus
):
    def materialise(folder, server):
        made = pipelines[folder]
        made.resources["embedder"] = Embedder(
            name="openai",
            model=server.model,
            base_url=server.url,
            api_key="sk",
            folder=DataFolder(path=folder),
        )
        assert made.run().success
        return read_neighbours(made.data / "knn_distance_matrix.npz")

    uri = "" if milvus == "lite" else request.getfixturevalue("milvus_server").uri
    news, pipelines = write_dump(tmp_path / "dump.csv", sample_rows[:60]), {}
    for folder in ("updated", "new"):
        data = tmp_path / folder
        pipelines[str(data)] = Pipeline(
            news, data, data, uri=uri, collection=f"{tmp_path.name}_{folder}".replace("-", "_")
        )
    updated, new = pipelines
    with EmbeddingServer() as server:
        materialise(updated, server)
        (tmp_path / "updated" / "embedding_cache.sqlite").unlink()
        server.vector = lambda text: vector_of(text[::-1])  # other vectors, under the same name
        neighbours, expected = materialise(updated, server), materialise(new, server)
    np.testing.assert_array_equal(neighbours.indices, expected.indices)
    np.testing.assert_array_equal(neighbours.distances, expected.distances)


@pytest.mark.parametrize("where", ["MILVUS_TOKEN", "MILVUS_URI"])
def test_a_run_leaves_a_servers_password_nowhere(guarded_server, sample_rows, tmp_path, where):
    news = write_dump(tmp_path / "dump.csv", sample_rows[:20])
    for password, succeeds in ((guarded_server.password, True), ("wrong-very-secret", False)):
        home = tmp_path / f"home-{succeeds}"
        home.mkdir()
        secret = f"root:{password}"
        settings = {
            "MILVUS_URI": guarded_server.uri.replace("//", f"//{secret}@")
            if where == "MILVUS_URI"
            else guarded_server.uri,
            "MILVUS_TOKEN": secret if where == "MILVUS_TOKEN" else "",
            "MILVUS_COLLECTION": where,
        }
        done = command_line(news, home, home, **settings)
        assert (done.returncode == 0) == succeeds, done.stderr
        assert succeeds or "MILVUS_TOKEN" in done.stderr.strip().splitlines()[-1]
        assert "very-secret" not in done.stdout + done.stderr
        left = [path for path in home.rglob("*") if path.is_file()]
        assert [path for path in left if path.suffix == ".db"], "Dagster's storage is among it"
        assert not [path for path in left if b"very-secret" in path.read_bytes()]
