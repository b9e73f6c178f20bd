"""The configuration file: where it is found, and what can be wrong with it."""

import pytest

from newsclust_pipeline.definitions import build_defs
from newsclust_pipeline.defs.config import HdbscanConfig
from newsclust_pipeline.defs.config_file import ConfigFile, read_config
from newsclust_pipeline.defs.parameters import CONFIGS, configured, file_problems, problems_of
from newsclust_pipeline.defs.settings import RUN_CONFIG


def written(folder, text):
    path = folder / "newsclust.toml"
    path.write_text(text, encoding="utf-8")
    return read_config(path, required=True)


def test_a_file_gives_the_defaults_of_an_asset(tmp_path):
    file = written(tmp_path, '[hdbscan_labels]\nmin_samples = 8\ntuning = "auto"\n')
    assert file_problems(file) == []
    config = configured(HdbscanConfig, "hdbscan_labels", file)
    assert config().min_samples == 8
    assert config().is_tuned
    assert config(min_samples=5).min_samples == 5, "run config overrides it"
    assert config().min_cluster_size == HdbscanConfig().min_cluster_size
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        config(min_samples=0)


def test_without_a_file_everything_has_its_own_default(tmp_path):
    file = read_config(tmp_path / "newsclust.toml", required=False)
    assert file == ConfigFile(None, {})
    assert configured(HdbscanConfig, "hdbscan_labels", file) is HdbscanConfig


def test_a_file_that_was_named_must_exist(tmp_path):
    (problem,) = file_problems(read_config(tmp_path / "other.toml", required=True))
    assert "other.toml: no such file" in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[hdbscan_labels]\nmin_samples = 0\n", "min_samples=0 in {path}, [hdbscan_labels]: "),
        ("[hdbscan_labels]\nsamples = 3\n", "samples in {path}, [hdbscan_labels]: no such para"),
        ("[umap]\nx = 3\n", "{path}: no such table: [umap]. Known are: [feeds], "),
        ("min_samples = 3\n", "{path}: min_samples is in no table."),
        ("[hdbscan_labels\n", "{path}: can't be read ("),
        ('[schedule]\ncron = "hourly"\n', "cron=hourly in {path}, [schedule]: not a cron"),
        ('[schedule]\ntime_zone = "Mars"\n', "time_zone=Mars in {path}, [schedule]: no such time"),
        ("[schedule]\nhour = 3\n", "hour in {path}, [schedule]: no such parameter"),
        ("[umap_projection]\nmin_dist = nan\n", "min_dist=nan in {path}, [umap_projection]: "),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, text, problem):
    file = written(tmp_path, text)
    (found,) = file_problems(file)
    assert found.startswith(problem.format(path=tmp_path / "newsclust.toml"))
    assert configured(HdbscanConfig, "hdbscan_labels", file) is HdbscanConfig


def test_an_enumeration_lists_what_is_possible():
    (problem,) = problems_of({"tuning": "magic"}, "hdbscan_labels", "the run config")
    assert problem.startswith("tuning=magic in the run config: ")
    assert "'auto'" in problem


def test_every_asset_with_parameters_can_be_configured_by_the_file():
    nodes = build_defs().resolve_job_def("news_to_stories").graph.node_dict
    configurable = {
        name
        for name, node in nodes.items()
        if getattr(node.definition.config_schema.config_type, "fields", None)
    }
    assert configurable == set(CONFIGS) == RUN_CONFIG
