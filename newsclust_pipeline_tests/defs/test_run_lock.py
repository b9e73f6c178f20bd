"""One run at a time uses a data folder, whichever process it is in."""

import json
import multiprocessing
import os
import signal
import time

import pytest

from newsclust_pipeline.defs.run_lock import BusyError, lock_folder


def hold(folder, run_id, started, seconds):
    with lock_folder(folder, run_id, wait=0):
        started.set()
        time.sleep(seconds)


@pytest.fixture
def holder(tmp_path):
    """Start another process that holds the folder for so many seconds."""
    context = multiprocessing.get_context("spawn")
    processes = []

    def start(seconds):
        started = context.Event()
        process = context.Process(target=hold, args=(tmp_path, "0a1b2c3d", started, seconds))
        process.start()
        processes.append(process)
        assert started.wait(60)
        return process

    yield start
    for process in processes:
        process.kill()
        process.join()


def test_a_run_that_waits_in_vain_says_who_holds_the_folder(tmp_path, holder):
    process, lines = holder(60), []
    with pytest.raises(BusyError) as error, lock_folder(tmp_path, "other", 1, lines.append):
        pass
    assert f"run 0a1b2c3d (process {process.pid} on " in str(error.value)
    assert "after 1 s" in str(error.value)
    assert lines[0].startswith(f"{tmp_path}: waiting for run 0a1b2c3d (process {process.pid} on ")


def test_a_run_goes_on_when_the_other_has_ended(tmp_path, holder):
    holder(1)
    with lock_folder(tmp_path, "other", wait=60):
        assert json.loads((tmp_path / ".run.json").read_text())["run"] == "other"
    assert not (tmp_path / ".run.json").exists()


def test_a_killed_run_frees_the_folder(tmp_path, holder):
    process = holder(60)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with lock_folder(tmp_path, "other", wait=5):
        pass


def test_a_failed_run_frees_the_folder(tmp_path):
    with pytest.raises(OSError, match="disk"), lock_folder(tmp_path, "one", wait=0):
        raise OSError("disk")
    with lock_folder(tmp_path, "two", wait=0):
        pass
