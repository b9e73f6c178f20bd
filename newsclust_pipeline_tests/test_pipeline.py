"""The whole pipeline, real in every stage, on the bundled sample and on changed copies of it."""

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from newsclust_pipeline.defs.resources import SAMPLE, DataFolder, Embedder, NewsDumps
from newsclust_pipeline.schemas import TABLES, embeddings
from newsclust_pipeline_tests.conftest import Pipeline, write_dump
from newsclust_pipeline_tests.embedding_server import EmbeddingServer

FILES = [
    "cluster_plot.html",
    "digest.md",
    "documents.parquet",
    "embeddings.parquet",
    "feeds.parquet",
    "gold_labels.parquet",
    "hdbscan_labels.parquet",
    "knn_distance_matrix.npz",
    "map_labels.parquet",
    "milvus_collection.json",
    "near_duplicates.parquet",
    "parameter_plot.html",
    "parameter_sweep.parquet",
    "raw_news.parquet",
    "rejected_rows.parquet",
    "stories.atom",
    "stories.csv",
    "stories.feed.json",
    "stories.json",
    "stories.parquet",
    "story_lineage.parquet",
    "story_quality.parquet",
    "umap_projection.parquet",
]

pytestmark = pytest.mark.slow


def command_line(news="", data="", home="", select="*", **settings):
    """The contract's command, as a user would give it in CI."""
    settings |= {"NEWSCLUST_NEWS": str(news), "NEWSCLUST_DATA_DIR": str(data)}
    return subprocess.run(
        ["dagster", "asset", "materialize", "--select", select, "-m", "newsclust_pipeline"],
        env=os.environ
        | settings
        | {
            "DAGSTER_HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        cwd=data or None,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def sample_run(tmp_path_factory, vectors_seen):
    """One run on the bundled sample, shared by the tests that only look at it."""
    made = Pipeline(None, tmp_path_factory.mktemp("sample"), vectors_seen)
    assert made.run().success
    return made


def test_every_stage_is_persisted_under_its_contracted_name(sample_run):
    beside = ("milvus.db", ".lock")
    names = [p.name for p in sample_run.data.iterdir() if not p.name.startswith(".")]
    files = sorted(name for name in names if not any(part in name for part in beside))
    assert files == FILES


def test_tables_have_the_columns_of_the_data_dictionary(sample_run):
    """Types and nullability included; optional columns are those of other settings."""
    persisted = {n: t for n, t in TABLES.items() if (sample_run.data / f"{n}.parquet").exists()}
    assert set(TABLES) == set(persisted)
    for name, table in persisted.items():
        schema = pq.read_schema(sample_run.data / f"{name}.parquet").remove_metadata()
        if name == "embeddings":
            table = embeddings(384)  # noqa: PLW2901
        assert schema == table.schema, name


def test_the_embedder_is_named_in_the_schema(sample_run):
    metadata = pq.read_schema(sample_run.data / "embeddings.parquet").metadata
    assert metadata[b"embedder"] == b"minilm"
    assert metadata[b"model"] == b"sentence-transformers/all-MiniLM-L6-v2"
    assert metadata[b"dimension"] == b"384"


def test_the_matrix_is_symmetric_and_its_distances_are_those_of_the_vectors(sample_run):
    matrix = sp.load_npz(sample_run.data / "knn_distance_matrix.npz")
    ids = np.load(sample_run.data / "knn_distance_matrix.npz")["doc_id"]
    embeddings = pq.read_table(sample_run.data / "embeddings.parquet")
    order = pc.index_in(ids.tolist(), embeddings["doc_id"]).to_numpy()
    vectors = np.stack(embeddings["embedding"].to_numpy())[order].astype(np.float64)
    full = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(-1))
    np.fill_diagonal(full, np.inf)
    near = full <= np.sort(full, axis=1)[:, [49]]

    assert abs(matrix - matrix.T).nnz == 0
    found = matrix.tocoo()
    np.testing.assert_allclose(found.data, full[found.row, found.col], atol=1e-6)
    edges = np.zeros_like(near)
    edges[found.row, found.col] = True
    np.testing.assert_array_equal(edges, near | near.T, "the 50 nearest of either document")


def test_labels_are_those_of_the_package_on_the_dense_matrix(sample_run):
    from hdbscan import HDBSCAN

    stored = np.load(sample_run.data / "knn_distance_matrix.npz")
    matrix = sp.load_npz(sample_run.data / "knn_distance_matrix.npz").tocoo()
    dense = np.full(matrix.shape, 1e6)
    dense[matrix.row, matrix.col] = matrix.data
    np.fill_diagonal(dense, 0)
    expected = HDBSCAN(metric="precomputed", min_samples=3, min_cluster_size=3).fit(dense)
    labels = pq.read_table(sample_run.data / "hdbscan_labels.parquet").to_pandas()
    labels = labels.set_index("doc_id").loc[stored["doc_id"]]
    pairs = set(zip(labels["label"], expected.labels_, strict=True))
    assert len(pairs) == len(set(labels["label"])) == len(set(expected.labels_))
    assert (-1, -1) in pairs
    np.testing.assert_allclose(labels["probability"], expected.probabilities_)


def test_the_collection_is_told_without_path_or_token(sample_run):
    state = json.loads((sample_run.data / "milvus_collection.json").read_text())
    names = {"collection", "count", "dimension", "index", "metric", "digest", "checksum"}
    assert state.keys() == names
    assert state["collection"] == "news_data"
    assert state["count"] == pq.read_metadata(sample_run.data / "raw_news.parquet").num_rows
    assert str(sample_run.data) not in json.dumps(state)


def test_the_ui_is_shown_figures_and_the_largest_stories(sample_run):
    figures = sample_run.metadata("hdbscan_labels")
    assert figures["stories"] > 20
    assert 0 < figures["noise_share"] < 1
    largest = sample_run.metadata("stories")["largest_stories"]
    assert largest.count("\n") == 11, "a head and ten rows"
    assert sample_run.metadata("embeddings")["new"] >= 0
    assert sample_run.metadata("raw_news")["dagster/row_count"] > 400
    schema = sample_run.metadata("raw_news")["dagster/column_schema"]
    assert all(column.description for column in schema.columns)
    assert Path(sample_run.metadata("cluster_plot")["path"]).is_file()


def test_a_rerun_changes_no_version_no_byte_and_no_count(sample_run):
    before = sample_run.versions(), {f: (sample_run.data / f).read_bytes() for f in FILES}
    assert sample_run.run().success
    assert sample_run.versions() == before[0]
    assert {f: (sample_run.data / f).read_bytes() for f in FILES} == before[1]
    done = sample_run.metadata("milvus_collection")
    assert (done["new"], done["removed"]) == (0, 0)
    assert sample_run.metadata("embeddings")["new"] == 0


def test_the_samples_stories_are_as_right_as_they_ever_were(pipeline):
    """BCubed F1 against the sample's own stories: what was reached, minus 0.01."""
    judged = pipeline(SAMPLE)
    gold = {"raw_news": {"gold_column": "story"}}
    assert judged.run(gold).success
    given = judged.metadata("story_quality")
    assert given["bcubed_f1"] >= 0.864 - 0.01
    assert judged.run(gold | {"hdbscan_labels": {"tuning": "auto"}}).success
    chosen = judged.metadata("story_quality")
    assert chosen["bcubed_f1"] >= 0.938 - 0.01
    assert chosen["silhouette"] > given["silhouette"]
    assert chosen["shared_with_last_run"] == chosen["dagster/row_count"]
    assert 0.5 < chosen["agreement_with_last_run"] < 1
    timed = {"tuning": "auto", "time_weight": 0.5}
    assert judged.run(gold | {"hdbscan_labels": timed}).success
    assert judged.metadata("story_quality")["bcubed_f1"] >= 0.929 - 0.01


def test_tuned_labels_carry_the_parameters_that_the_sweep_recommends(pipeline, sample_rows):
    made = pipeline(sample_rows[:150])
    assert made.run({"hdbscan_labels": {"tuning": "auto"}}).success
    best = pq.read_table(made.data / "parameter_sweep.parquet").slice(0, 1).to_pylist()[0]
    metadata = pq.read_schema(made.data / "hdbscan_labels.parquet").metadata
    assert metadata[b"algorithm"].decode() == best["algorithm"]
    assert float(metadata[b"min_cluster_size"]) == best["min_cluster_size"]
    if best["cut_height"] is not None:
        assert float(metadata[b"cut_height"]) == best["cut_height"]
    assert made.metadata("parameter_sweep")["recommended_score"] == best["score"]


def test_a_gold_column_that_no_dump_has_is_named_with_those_that_there_are(pipeline, sample_rows):
    made = pipeline(sample_rows[:5]).run({"raw_news": {"gold_column": "truth"}})
    assert not made.success
    failed = next(e for e in made.all_events if e.is_step_failure)
    message = str(failed.event_specific_data.error)
    assert "gold_column=truth" in message
    assert "'story'" in message


def test_versions_follow_parameters_and_content(pipeline, sample_rows):
    made = pipeline(sample_rows[:60])
    made.run()
    before = made.versions()
    made.run({"hdbscan_labels": {"min_samples": 2}})
    changed = {name for name, version in made.versions().items() if version != before[name]}
    assert "hdbscan_labels" in changed
    assert not changed & {"raw_news", "embeddings", "knn_distance_matrix", "umap_projection"}
    made.run({"umap_projection": {"random_state": 7}})
    assert made.metadata("umap_projection")["started_from"] == "pca"
    assert made.versions()["umap_projection"] != before["umap_projection"]
    assert made.versions()["hdbscan_labels"] == before["hdbscan_labels"]


def test_order_of_rows_and_names_of_dumps_change_nothing(pipeline, sample_rows, tmp_path):
    rows = sample_rows[:80]
    made = pipeline(rows)
    made.run()
    labels = (made.data / "hdbscan_labels.parquet").read_bytes()
    folder = tmp_path / "dumps"
    folder.mkdir()
    write_dump(folder / "b.csv", rows[40:][::-1])
    write_dump(folder / "a.csv.gz", rows[:40])
    made.resources["news"] = NewsDumps(path=str(folder))
    assert made.run().success
    assert (made.data / "hdbscan_labels.parquet").read_bytes() == labels


def test_documents_come_and_go_with_the_dump(pipeline, sample_rows, tmp_path):
    distinct = list({(row["title"], row["description"]): row for row in sample_rows}.values())
    made = pipeline(distinct[:60])
    made.run()
    write_dump(tmp_path / "dump.csv", distinct[20:90])
    assert made.run().success
    done = made.metadata("milvus_collection")
    assert (done["new"], done["removed"], done["documents"]) == (30, 20, 70)
    for stage in ("raw_news", "embeddings", "hdbscan_labels", "umap_projection"):
        assert pq.read_metadata(made.data / f"{stage}.parquet").num_rows == 70
    drawn = made.metadata("umap_projection")
    assert (drawn["started_from"], drawn["kept_documents"]) == ("last positions", 40)


def test_an_increment_gives_what_a_run_from_scratch_gives(
    pipeline, sample_rows, tmp_path, vectors_seen
):
    old, fresh = sample_rows[:300], sample_rows[20:310]
    grown = pipeline(old)
    assert grown.run().success
    write_dump(tmp_path / "dump.csv", fresh)
    assert grown.run().success
    searched = grown.metadata("knn_distance_matrix")["searched"]
    (tmp_path / "again").mkdir()
    scratch = Pipeline(
        write_dump(tmp_path / "scratch.csv", fresh),
        tmp_path / "again",
        vectors_seen,
    )
    assert scratch.run().success
    assert scratch.metadata("knn_distance_matrix")["searched"] > searched
    for name in ("raw_news.parquet", "knn_distance_matrix.npz"):
        one, other = ((run.data / name) for run in (grown, scratch))
        if name.endswith("npz"):
            with np.load(one) as ours, np.load(other) as theirs:
                assert all(np.array_equal(ours[key], theirs[key]) for key in theirs)
        else:
            assert pq.read_table(one).drop(["dump"]).equals(pq.read_table(other).drop(["dump"]))
    labels = [pq.read_table(run.data / "hdbscan_labels.parquet") for run in (grown, scratch)]
    for column in ("doc_id", "label", "probability"):
        assert labels[0][column].equals(labels[1][column])


def test_forty_copies_of_an_article_leave_every_other_label_as_it_was(pipeline, sample_rows):
    rows = sample_rows[:250]
    alone = pipeline(rows)
    assert alone.run().success
    before = pq.read_table(alone.data / "hdbscan_labels.parquet").to_pylist()
    copied = max(rows, key=lambda row: len(row["description"]))
    copies = [
        copied
        | {
            "title": f"{copied['title']} ({number})"
            if number % 2
            else f"{copied['title']}, seen anew",
            "description": copied["description"] + " Read on at our site." * (number % 3),
            "venue": f"Wire {number}",
            "url": f"https://wire{number}.example/1",
            "published_at": "2031-01-01T00:00:00Z",  # after it, whenever that was
        }
        for number in range(40)
    ]
    crowded = pipeline(rows + copies)
    assert crowded.run().success
    assert pq.read_table(crowded.data / "hdbscan_labels.parquet").to_pylist() == before
    news = pq.read_table(crowded.data / "raw_news.parquet").to_pandas().set_index("title")
    story = news.loc[copied["title"]]
    assert (story["copies"], len(story["venues"])) == (41, 41)
    duplicates = pq.read_table(crowded.data / "near_duplicates.parquet")
    assert set(duplicates["duplicate_of"].to_pylist()) == {story["doc_id"]}
    assert sum(duplicates["copies"].to_pylist()) == 40


def test_a_window_drops_old_articles_everywhere(pipeline, sample_rows):
    made = pipeline(sample_rows[:200])
    assert made.run().success
    everything = pq.read_table(made.data / "raw_news.parquet")
    newest = pc.max(everything["published_at"]).as_py()
    assert made.run({"raw_news": {"window_days": 3}}).success
    left = pq.read_table(made.data / "raw_news.parquet")
    assert 0 < left.num_rows < everything.num_rows
    assert all(newest - time < timedelta(days=3) for time in left["published_at"].to_pylist())
    state = json.loads((made.data / "milvus_collection.json").read_text())
    assert state["count"] == left.num_rows
    assert made.metadata("raw_news")["before_window"] == everything.num_rows - left.num_rows


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_a_handful_of_articles_is_a_dump_like_any_other(pipeline, sample_rows, n):
    made = pipeline(sample_rows[:n])
    assert made.run().success
    assert pq.read_table(made.data / "hdbscan_labels.parquet")["label"].to_pylist() == [-1] * n
    assert sp.load_npz(made.data / "knn_distance_matrix.npz").shape == (n, n)
    assert "<html" in (made.data / "cluster_plot.html").read_text(encoding="utf-8")


def test_odd_texts_get_a_vector_or_a_reason(pipeline, tmp_path):
    odd = {
        "": False,
        " \t ": False,
        "\u200b": False,
        "nan": False,
        "\0": False,
        "word " * 20_000: False,
        "🔥🚒": True,
        "حريق في عبّارة قبالة الساحل": True,
        "half of a pair \ud83d": True,
        "a\0b": True,
    }
    dump = tmp_path / "odd.jsonl"
    dump.write_text("\n".join(json.dumps({"title": title}) for title in odd))
    made = pipeline(dump)
    assert made.run().success
    vectors = pq.read_table(made.data / "embeddings.parquet")["embedding"].to_numpy()
    assert np.allclose(np.linalg.norm(np.stack(vectors), axis=1), 1)
    rejected = pq.read_table(made.data / "rejected_rows.parquet").to_pylist()
    assert [row["row"] for row in rejected] == [1, 2, 3, 4, 5, 6]
    assert {row["reason"] for row in rejected[:5]} == {"title is empty"}
    assert "title" in rejected[5]["reason"]
    assert len(vectors) == sum(odd.values())


def test_three_dimensions_give_a_third_column(pipeline, sample_rows):
    made = pipeline(sample_rows[:40])
    assert made.run({"umap_projection": {"n_components": 3}}).success
    assert pq.read_schema(made.data / "umap_projection.parquet").names == ["doc_id", "x", "y", "z"]
    assert "scatter3d" in (made.data / "cluster_plot.html").read_text(encoding="utf-8")


def test_another_embedder_by_settings_alone_fills_a_collection_of_its_own(pipeline, sample_rows):
    made = pipeline(sample_rows[:60])
    assert made.run().success
    with EmbeddingServer(authorization="Bearer sk-very-secret") as server:
        made.resources["embedder"] = Embedder(
            name="openai",
            model=server.model,
            base_url=server.url,
            api_key="sk-very-secret",
            folder=DataFolder(path=str(made.data)),
        )
        assert made.run().success
    collection = json.loads((made.data / "milvus_collection.json").read_text())
    assert collection["dimension"] == server.dimension
    assert made.metadata("milvus_collection")["rebuilt"]
    assert made.metadata("embeddings")["embedder"] == "openai"
    files = [path for path in made.data.rglob("*") if path.is_file()]
    assert not [path for path in files if b"very-secret" in path.read_bytes()]
    versions = made.versions()
    assert made.run().success, "with nothing new, the service isn't needed any more"
    assert made.versions() == versions


def test_an_article_that_the_service_refuses_is_rejected_and_the_others_are_clustered(
    pipeline, sample_rows
):
    made = pipeline(sample_rows[:60])
    word = sample_rows[0]["title"]
    with EmbeddingServer(refused=word) as server:
        made.resources["embedder"] = Embedder(
            name="openai", model=server.model, base_url=server.url,
            folder=DataFolder(path=str(made.data)),
        )  # fmt: skip
        assert made.run().success
    [row] = pq.read_table(made.data / "rejected_rows.parquet").to_pylist()
    assert "HTTP 400" in row["reason"]
    assert word in row["content"]
    rows = {
        n: pq.read_metadata(made.data / f"{n}.parquet").num_rows for n in ("raw_news", "documents")
    }
    assert rows["documents"] == rows["raw_news"] - 1
    assert made.metadata("embeddings")["articles_without_vector"] == 1


def test_one_per_cent_of_new_articles_is_all_that_is_embedded(pipeline, sample_rows, tmp_path):
    distinct = list({(row["title"], row["description"]): row for row in sample_rows}.values())
    made = pipeline(distinct[:100])
    made.resources["embedder"] = Embedder(folder=DataFolder(path=str(tmp_path / "own")))
    made.run()
    assert made.metadata("embeddings")["new"] == 100
    write_dump(tmp_path / "dump.csv", distinct[:101])
    made.run()
    assert made.metadata("embeddings")["new"] == 1
    assert made.metadata("embeddings")["reused"] == 100


def test_the_command_line_runs_the_sample_and_ends_with_the_place_of_the_map(
    sample_run, vectors_seen, tmp_path
):
    shutil.copy(vectors_seen / "embedding_cache.sqlite", tmp_path)
    done = command_line(data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().endswith(f"the map is {tmp_path / 'cluster_plot.html'}")


BAD = {
    "nowhere.csv": (None, "nowhere.csv: no such file or folder. Set NEWSCLUST_NEWS"),
    "empty_folder": ("folder", "empty_folder: the folder holds no dump. Put at least one file"),
    "untitled.csv": (b"when,what\n1,2\n", "untitled.csv: no title column. Columns found: 'when'"),
    "binary.csv": (b"PK\x03\x04\0\0\x9c\xff" * 99, "binary.csv: binary data, not text."),
    "empty.csv": (b"", "empty.csv: the file is empty."),
    "unusable.csv": (b"title,description\n,a\nnan,b\n", "unusable.csv: no usable article."),
}


@pytest.mark.parametrize("name", BAD)
def test_a_dump_that_is_no_use_ends_the_command_line_with_one_clear_sentence(tmp_path, name):
    content, sentence = BAD[name]
    news = tmp_path / name
    if content == "folder":
        news.mkdir()
    elif content is not None:
        news.write_bytes(content)
    data = tmp_path / "data"
    data.mkdir()
    done = command_line(news, data)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("newsclust_pipeline: ")
    assert sentence in last
    assert not (data / "embeddings.parquet").exists(), "nothing is embedded"
