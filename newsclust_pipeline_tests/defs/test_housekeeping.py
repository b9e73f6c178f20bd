"""What former runs left is removed; what belongs to anybody else stays."""

import dagster as dg
import pytest

from newsclust_pipeline.core.files import atomic_path
from newsclust_pipeline.defs.housekeeping import forget_old_runs, remove_temporary_files


def test_temporary_files_of_killed_runs_are_removed_and_no_others(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "raw_news.parquet") as temporary:
        left = tmp_path / temporary.name
        raise KeyboardInterrupt
    left.write_bytes(b"half")  # as if the process had been killed
    (tmp_path / ".engine.k3x_9a1q.tmp").mkdir()
    (tmp_path / ".engine.k3x_9a1q.tmp" / "0.bin").write_bytes(b"vectors")
    names = ("raw_news.parquet", ".owner.json", "notes.tmp", ".hidden.tmp", ".run.lock")
    for name in names:
        (tmp_path / name).touch()
    assert remove_temporary_files(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_the_newest_runs_are_remembered():
    @dg.asset
    def thing():
        return None

    instance = dg.DagsterInstance.ephemeral()
    runs = [dg.materialize([thing], instance=instance).run_id for _ in range(4)]
    assert forget_old_runs(instance, keep=0) == 0
    assert forget_old_runs(instance, keep=2) == 2
    assert set(instance.get_run_ids()) == set(runs[2:])
    assert instance.get_latest_materialization_event(dg.AssetKey("thing")).run_id == runs[-1]
