"""Remove what former runs left behind: temporary files of killed runs, records of old runs."""

import re
import shutil
from contextlib import suppress
from pathlib import Path

import dagster as dg

# As `core.files.atomic_path` names them: .raw_news.parquet.k3x_9a1q.tmp
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}\.tmp")


def remove_temporary_files(folder: Path) -> int:
    """Delete the temporary files in a data folder; return their number.

    The folder must be locked: then no living run has such files.
    """
    paths = []
    with suppress(OSError):  # a folder that may be written to, but not listed
        paths = [path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name)]
    for path in paths:
        if path.is_dir():  # of an engine
            shutil.rmtree(path, ignore_errors=True)
            continue
        with suppress(OSError):
            path.unlink()
    return len(paths)


def forget_old_runs(instance: dg.DagsterInstance, keep: int) -> int:
    """Delete the records of all runs but the newest `keep`; return how many were deleted.

    Args:
        instance: its runs; every run takes about a megabyte.
        keep: number of runs to keep; 0 keeps all.
    """
    finished = dg.RunsFilter(statuses=[
        dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED,
    ])  # fmt: skip
    old = instance.get_run_ids(finished)[keep:] if keep else []
    for run_id in old:
        instance.delete_run(run_id)
    return len(old)
