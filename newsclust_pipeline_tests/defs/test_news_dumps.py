"""The dumps as a source: a version of their contents, and what has changed in them."""

import dagster as dg
import pytest

from newsclust_pipeline.definitions import build_defs
from newsclust_pipeline.defs.news_dumps import RUN_TAG, observation, observe
from newsclust_pipeline.defs.resources import NewsDumps
from newsclust_pipeline_tests.conftest import write_dump

KEY = dg.AssetKey("news_dumps")


@pytest.fixture
def folder(tmp_path):
    """A folder with two dumps that were observed."""
    news = tmp_path / "news"
    news.mkdir()
    for name in ("a.csv", "b.csv"):
        (news / name).write_text(f"title\nStorm {name}\n")
    return news


@pytest.fixture
def instance():
    return dg.DagsterInstance.ephemeral()


def look(instance, folder):
    """Observe the dumps by the asset, as the button of the UI does; return the event."""
    job = build_defs(news=NewsDumps(path=str(folder))).resolve_job_def("__ASSET_JOB")
    assert job.execute_in_process(asset_selection=[KEY], instance=instance).success
    return instance.fetch_observations(KEY, limit=1).records[0].asset_observation


def test_the_version_follows_from_the_contents_alone(instance, folder):
    first = look(instance, folder)
    (folder / "a.csv").touch()
    again = look(instance, folder)
    assert again.tags["dagster/data_version"] == first.tags["dagster/data_version"]
    assert first.metadata["changes"].value.startswith("unknown")
    assert again.metadata["changes"].value == "none"
    assert again.metadata["dumps"].value == 2


def test_new_changed_and_removed_dumps_are_named(instance, folder):
    first = look(instance, folder)
    (folder / "a.csv").write_text("title\nStorm passes\n")
    (folder / "b.csv").unlink()
    (folder / "früh :: c.csv").write_text("title\nCalm\n")
    seen = look(instance, folder)
    assert seen.tags["dagster/data_version"] != first.tags["dagster/data_version"]
    assert seen.metadata["changes"].value == "new: früh :: c.csv; changed: a.csv; removed: b.csv"
    counts = {k: v.value for k, v in seen.metadata.items() if k.startswith("dumps")}
    assert counts == {"dumps": 2, "dumps_new": 1, "dumps_changed": 1, "dumps_removed": 1}
    tags = {k: v for k, v in seen.tags.items() if k.startswith("newsclust/")}
    assert tags == {
        "newsclust/a.csv": "changed",
        "newsclust/b.csv": "removed",
        "newsclust/fr_h____c.csv": "new",
    }


def test_of_many_changes_the_first_are_named_and_the_others_counted(instance, folder):
    look(instance, folder)
    for n in range(25):
        (folder / f"n{n:02}.csv").write_text(f"title\nStorm {n}\n")
    changes = look(instance, folder).metadata["changes"].value
    assert changes.startswith("new: n00.csv, n01.csv")
    assert changes.endswith("n09.csv and 15 more")


def test_a_run_observes_first_and_is_tagged_with_what_has_changed(pipeline, sample_rows, folder):
    dump = write_dump(folder / "c.csv", sample_rows[:20])
    made = pipeline(folder)
    first = made.run()
    assert first.success
    assert RUN_TAG not in made.instance.get_run_by_id(first.run_id).tags, "nothing to compare with"
    write_dump(dump, sample_rows[:30])
    second = made.run()
    assert made.instance.get_run_by_id(second.run_id).tags[RUN_TAG] == "changed: c.csv"
    event = made.instance.get_latest_materialization_event(dg.AssetKey("raw_news"))
    version = event.asset_materialization.tags["dagster/input_data_version/news_dumps"]
    seen = made.instance.fetch_observations(KEY, limit=1).records[0].asset_observation
    assert seen.tags["dagster/data_version"] == version


def test_a_run_without_raw_news_observes_nothing(pipeline, sample_rows):
    made = pipeline(sample_rows[:20])
    assert made.run().success
    job = build_defs(**made.resources).resolve_job_def("sweep_parameters")
    assert job.execute_in_process(instance=made.instance).success
    assert len(made.instance.fetch_observations(KEY, limit=5).records) == 1


def test_feeds_alone_are_no_dumps(instance, tmp_path):
    news = NewsDumps(landing=str(tmp_path))
    assert observation(instance, news).metadata["dumps"].value == 0
    assert observe(instance, "no run", news) is None


def test_a_file_is_read_again_only_if_it_has_changed(folder, monkeypatch):
    from newsclust_pipeline.core import files

    first = files.content_digest(folder / "a.csv")
    read = files._content_digest.cache_info().misses
    assert files.content_digest(folder / "a.csv") == first
    assert files._content_digest.cache_info().misses == read
    (folder / "a.csv").write_text("title\nStorm passes\n")
    assert files.content_digest(folder / "a.csv") != first
