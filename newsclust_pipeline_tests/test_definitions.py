"""The definitions that Dagster loads: complete, quick to load, free of secrets."""

import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

import newsclust_pipeline
from newsclust_pipeline.definitions import build_defs
from newsclust_pipeline.defs.checks import CHECKS
from newsclust_pipeline.defs.resources import SAMPLE, DataFolder, Embedder, NewsDumps
from newsclust_pipeline.defs.settings import name_settings

ROOT = Path(newsclust_pipeline.__file__).parents[1]
GRAPH = {
    "feeds": set(),
    "raw_news": {"feeds", "news_dumps"},
    "rejected_rows": {"feeds", "news_dumps"},
    "near_duplicates": {"feeds", "news_dumps"},
    "gold_labels": {"feeds", "news_dumps"},
    "embeddings": {"raw_news"},
    "milvus_collection": {"raw_news", "embeddings"},
    "knn_distance_matrix": {"embeddings", "milvus_collection"},
    "hdbscan_labels": {"raw_news", "embeddings", "knn_distance_matrix"},
    "stories": {"raw_news", "embeddings", "hdbscan_labels"},
    "story_lineage": {"stories", "hdbscan_labels"},
    "umap_projection": {"embeddings", "knn_distance_matrix"},
    "cluster_plot": {
        "raw_news",
        "embeddings",
        "hdbscan_labels",
        "stories",
        "story_lineage",
        "umap_projection",
        "knn_distance_matrix",
    },
    "documents": {
        "raw_news",
        "hdbscan_labels",
        "stories",
        "umap_projection",
        "knn_distance_matrix",
    },
    "map_labels": {"stories", "hdbscan_labels", "umap_projection"},
    "digest": {"stories", "story_lineage", "raw_news"},
    "story_feeds": {"stories", "story_lineage", "hdbscan_labels", "raw_news"},
    "parameter_sweep": {"raw_news", "embeddings", "knn_distance_matrix"},
    "parameter_plot": {"parameter_sweep"},
    "story_quality": {"embeddings", "knn_distance_matrix", "hdbscan_labels", "gold_labels"},
}
HEAVY = ["faiss", "hdbscan", "milvus_lite", "numba", "onnx", "onnxruntime", "plotly", "pymilvus",
         "sklearn", "tokenizers", "torch", "transformers", "umap"]  # fmt: skip


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )


def test_the_graph_is_the_contracts():
    specs = build_defs().resolve_all_asset_specs()
    graph = {s.key.to_user_string(): {d.asset_key.to_user_string() for d in s.deps} for s in specs}
    assert graph == GRAPH | {"news_dumps": set()}


def test_every_asset_says_what_it_is_and_whose():
    for spec in build_defs().resolve_all_asset_specs():
        assert spec.description
        assert spec.kinds
        assert spec.group_name == "news"
        if spec.key.to_user_string() == "news_dumps":  # it is the user's
            continue
        assert spec.owners
        (link,) = spec.metadata["dagster/code_references"].code_references
        assert link.url.startswith("https://github.com/newsclust/newsclust_pipeline/blob/main/")


def test_stories_and_map_are_expected_to_be_fresh():
    policies = {s.key.to_user_string(): s.freshness_policy
                for s in build_defs().resolve_all_asset_specs()}  # fmt: skip
    assert {name for name, policy in policies.items() if policy} == {"stories", "cluster_plot"}


def test_stages_that_ask_a_service_are_retried_and_belong_to_its_pool():
    nodes = build_defs().resolve_job_def("news_to_stories").graph.node_dict
    pools = {name: node.definition.pool for name, node in nodes.items() if node.definition.pool}
    assert pools == {
        "embeddings": "embedding_service",
        "milvus_collection": "milvus",
        "knn_distance_matrix": "milvus",
        "stories": "titles_service",
    }
    retried = {name for name, node in nodes.items() if node.definition.retry_policy}
    assert retried == set(pools)


def test_everything_loads_and_binds():
    dg.Definitions.validate_loadable(newsclust_pipeline.defs)
    graph = newsclust_pipeline.defs.resolve_asset_graph()
    job = newsclust_pipeline.defs.resolve_job_def("news_to_stories")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == set(GRAPH)
    assert {key.name for key in graph.asset_check_keys} == {check.name for check in CHECKS}


def test_loading_draws_in_nothing_heavy_and_warns_of_nothing():
    code = f"import sys, newsclust_pipeline; print([m for m in {HEAVY} if m in sys.modules])"
    done = python(code)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_the_packages_attribute_is_what_the_command_line_looks_for():
    from newsclust_pipeline import definitions

    assert newsclust_pipeline.defs is definitions.defs
    assert isinstance(newsclust_pipeline.defs, dg.Definitions)


def test_resources_can_be_put_in_their_places():
    other = NewsDumps(path="elsewhere.csv")
    assert build_defs(news=other).resources["news"] is other


def test_settings_come_from_the_environment_and_empty_ones_count_as_unset(monkeypatch):
    monkeypatch.setenv("NEWSCLUST_NEWS", "/some/where.csv")
    monkeypatch.setenv("MILVUS_COLLECTION", "")
    resources = build_defs().resources
    with dg.build_resources({k: resources[k] for k in ("news", "milvus")}) as made:
        assert made.news.location == Path("/some/where.csv")
        assert made.milvus.collection == "news_data"


def test_an_unset_dump_is_the_bundled_sample():
    assert NewsDumps(path="").location == SAMPLE
    assert SAMPLE.is_file()


def test_a_token_is_a_reference_not_a_value(monkeypatch):
    monkeypatch.setenv("MILVUS_TOKEN", "root:very-secret")
    defs = build_defs()
    snapshot = repr(defs.resolve_job_def("news_to_stories").get_job_snapshot())
    assert "very-secret" not in snapshot + repr(defs.resources["milvus"])
    assert "MILVUS_TOKEN" in repr(defs.resources["milvus"])


def test_an_api_key_is_a_reference_not_a_value(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    assert "very-secret" not in repr(build_defs().resources["embedder"])


def test_the_key_of_openai_goes_to_no_other_service_of_titles(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("NEWSCLUST_TITLES_MODEL", "small-talk")

    def key():
        with dg.build_resources({"titles": build_defs().resources["titles"]}) as made:
            return made.titles.api_key

    assert key() == "sk-very-secret"
    assert "very-secret" not in repr(build_defs().resources["titles"])
    monkeypatch.setenv("NEWSCLUST_TITLES_BASE_URL", "http://elsewhere.example/v1")
    assert key() == ""
    monkeypatch.setenv("NEWSCLUST_TITLES_API_KEY", "sk-other")
    assert key() == "sk-other"


def test_days_of_the_cache_are_a_number():
    from newsclust_pipeline.core.errors import SettingError

    assert Embedder(folder=DataFolder(), cache_days="0").keep_days == 0
    with pytest.raises(SettingError, match="NEWSCLUST_CACHE_DAYS=soon: must be a whole number"):
        _ = Embedder(folder=DataFolder(), cache_days="soon").keep_days


def test_dotenv_is_read_by_the_command_line(tmp_path):
    (tmp_path / ".env").write_text("NEWSCLUST_NEWS=from_dotenv.csv\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("dagster"), "asset", "materialize", "--select", "raw_news",
         "-m", "newsclust_pipeline"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "from_dotenv.csv: no such file or folder" in done.stderr


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (
            {"name": "word2vec"},
            "NEWSCLUST_EMBEDDER=word2vec: no such embedder. Set it to auto, minilm",
        ),
        ({"device": "cuda"}, "minilm runs on the CPU.*NEWSCLUST_EMBEDDER_DEVICE"),
        ({"prompt": "query: "}, "minilm.*takes no prompt"),
        ({"name": "openai", "base_url": "http://a.example/v1"}, "NEWSCLUST_EMBEDDER_MODEL"),
        ({"name": "openai", "model": "m", "base_url": "localhost"}, "OPENAI_BASE_URL"),
        ({"name": "openai", "model": "m"}, "OPENAI_API_KEY"),
        ({"name": "sentence-transformers"}, "NEWSCLUST_EMBEDDER_MODEL"),
        ({"name": "bge-m3", "batch_size": "many"}, "NEWSCLUST_EMBEDDER_BATCH_SIZE=many: must be"),
        ({"name": "bge-m3", "dtype": "int3"}, "NEWSCLUST_EMBEDDER_DTYPE"),
    ],
)
def test_an_embedder_that_cannot_be_is_refused_by_its_setting(settings, complaint):
    from newsclust_pipeline.core.errors import SettingError

    articles = pa.table({"doc_id": ["a"], "language": ["en"]})
    with pytest.raises(SettingError) as error:
        Embedder(folder=DataFolder(), **settings).choose(articles)
    assert re.search(complaint, name_settings(str(error.value)))
