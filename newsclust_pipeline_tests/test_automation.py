"""The sensor asks for a run when dumps have come, changed or gone, and settled."""

import os
import time

import dagster as dg
import pytest

from newsclust_pipeline.automation import SETTLE_SECONDS, dump_sensor
from newsclust_pipeline.resources import NewsDumps
from newsclust_pipeline.stages.errors import DumpError


def settled(path, content="title\nStorm nears coast\n", age=SETTLE_SECONDS + 5):
    path.write_text(content)
    past = time.time() - age
    os.utime(path, (past, past))
    return path


def tick(folder, cursor=None):
    context = dg.build_sensor_context(cursor=cursor)
    return dump_sensor(context, news=NewsDumps(path=str(folder)))


@pytest.fixture
def seen(tmp_path):
    """A folder with two dumps that the sensor has seen, and its cursor."""
    for name in ("a.csv", "b.csv"):
        settled(tmp_path / name)
    return tmp_path, tick(tmp_path).cursor


def test_the_first_look_asks_for_one_run(tmp_path):
    settled(tmp_path / "a.csv")
    settled(tmp_path / "b.csv")
    found = tick(tmp_path)
    assert len(found.run_requests) == 1
    assert found.run_requests[0].run_key is None, "a key would ignore a corrected dump for ever"


def test_nothing_new_asks_for_nothing(seen):
    folder, cursor = seen
    assert isinstance(tick(folder, cursor), dg.SkipReason)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: settled(folder / "c.csv"),
        lambda folder: settled(folder / "a.csv", "title\nStorm passes\n"),
        lambda folder: settled(folder / "a.csv", age=SETTLE_SECONDS + 99),
        lambda folder: (folder / "a.csv").unlink(),
        lambda folder: (folder / "a.csv").rename(folder / "z.csv"),
    ],
    ids=["new", "changed", "touched", "removed", "renamed"],
)
def test_a_change_asks_for_one_run_once(seen, change):
    folder, cursor = seen
    change(folder)
    found = tick(folder, cursor)
    assert len(found.run_requests) == 1
    assert isinstance(tick(folder, found.cursor), dg.SkipReason)


def test_a_file_still_being_written_is_waited_for(seen):
    folder, cursor = seen
    settled(folder / "c.csv", age=0)
    assert "changed less than" in tick(folder, cursor).skip_message


@pytest.mark.parametrize("name", [".c.csv", "c.csv.tmp", "c.csv.part", "~c.csv"])
def test_hidden_and_temporary_files_are_overlooked(seen, name):
    folder, cursor = seen
    settled(folder / name, age=0)
    assert "nothing new" in tick(folder, cursor).skip_message


def test_an_empty_folder_asks_for_nothing(tmp_path):
    assert isinstance(tick(tmp_path), dg.SkipReason)


def test_a_missing_folder_is_an_error_not_a_reason_to_skip(tmp_path):
    with pytest.raises(DumpError, match="nowhere: no such file or folder"):
        tick(tmp_path / "nowhere")
