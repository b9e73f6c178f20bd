"""A run with an invalid configuration fails before anything is read."""

import pytest

from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.resources import DataFolder, Embedder, Milvus, NewsDumps


@pytest.fixture
def last_lines(monkeypatch):
    lines = []
    monkeypatch.setattr(terminal, "print_at_end", lambda *text: lines.append(text[-1]))
    return lines


def folder_that_is_a_file(made):
    made.data.write_text("")
    return {}


BAD = {
    "a parameter out of bounds": (
        lambda _: {"hdbscan_labels": {"min_samples": 0}},
        "min_samples=0 in the run config of hdbscan_labels: Input should be greater than or equal",
    ),
    "several parameters": (
        lambda _: {"hdbscan_labels": {"min_samples": 0}, "umap_projection": {"n_components": 5}},
        "n_components=5 in the run config of umap_projection: Input should be less than or equal",
    ),
    "a data folder that is a file": (folder_that_is_a_file, ": is a file, not a folder."),
    "an unknown device": (
        lambda made: made.resources.update(
            embedder=Embedder(device="abacus", folder=made.resources["folder"])
        ),
        "NEWSCLUST_EMBEDDER_DEVICE",
    ),
    "an unknown embedder": (
        lambda made: made.resources.update(
            embedder=Embedder(name="word2vec", folder=made.resources["folder"])
        ),
        "NEWSCLUST_EMBEDDER",
    ),
    "index parameters that are no JSON": (
        lambda made: made.resources.update(
            milvus=Milvus(index_params="{", folder=made.resources["folder"])
        ),
        "MILVUS_INDEX_PARAMS",
    ),
    "a dump that is missing": (
        lambda made: made.resources.update(news=NewsDumps(path="nowhere.csv")),
        "nowhere.csv: no such file or folder",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_invalid_stops_the_run_before_the_first_stage(
    pipeline, sample_rows, last_lines, name
):
    made = pipeline(sample_rows[:5])
    change, message = BAD[name]
    done = made.run(change(made))
    assert not done.success
    assert message in last_lines[-1]
    assert "\n" not in last_lines[-1]
    assert not [event for event in done.all_events if event.is_step_success]
    assert not made.data.is_dir() or not list(made.data.glob("*.parquet"))


def test_a_folder_without_write_permission_is_refused(tmp_path, monkeypatch):
    import tempfile

    from newsclust_pipeline.core.errors import SettingError
    from newsclust_pipeline.defs.resources.run_guard import check_folder

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)  # root may write everywhere
    with pytest.raises(SettingError, match=r"can't be written to \(Permission denied\)"):
        check_folder(tmp_path)


def test_the_folder_is_locked_during_a_run_and_free_after_it(pipeline, sample_rows, monkeypatch):
    from newsclust_pipeline.defs import materialize
    from newsclust_pipeline.defs.run_lock import BusyError, lock_folder

    made, refused = pipeline(sample_rows[:3]), []

    def require(*_):
        with pytest.raises(BusyError), lock_folder(made.data, "other", wait=0):
            pass
        refused.append(1)

    monkeypatch.setattr(materialize, "require_same_documents", require)
    assert made.run().success
    assert len(refused) > 10
    with lock_folder(made.data, "other", wait=0):
        pass
    assert DataFolder(path=str(made.data)).file(".run.lock").exists()


def test_without_a_home_the_log_says_that_nothing_is_reused(pipeline, sample_rows, monkeypatch):
    made = pipeline(sample_rows[:3])
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    done = made.run()
    logged = [record.user_message for record in made.instance.all_logs(done.run_id)]
    assert any("the next run can't reuse its outputs" in message for message in logged)
