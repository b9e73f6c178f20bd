"""The sensor asks for a run when dumps have come, changed or gone, and settled."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.defs import parameters
from newsclust_pipeline.defs.automation import SETTLE_SECONDS, daily_schedule, dump_sensor, manifest
from newsclust_pipeline.defs.config_file import ConfigFile
from newsclust_pipeline.defs.resources import NewsDumps


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


def test_files_that_are_no_dumps_ask_for_nothing(seen):
    folder, cursor = seen
    settled(folder / "readme.txt", age=0)
    assert "nothing new in 2 dumps" in tick(folder, cursor).skip_message


def test_a_dump_from_the_future_only_tells_of_a_wrong_clock(seen):
    folder, cursor = seen
    settled(folder / "c.csv", age=-86_400)
    assert len(tick(folder, cursor).run_requests) == 1


def test_a_half_written_dump_is_asked_for_once_it_is_whole(seen):
    folder, cursor = seen
    settled(folder / "c.csv", "title\nHalf an arti", age=1)
    assert "c.csv: changed less than" in tick(folder, cursor).skip_message
    settled(folder / "c.csv", "title\nHalf an article no more\n")
    found = tick(folder, cursor)
    assert len(found.run_requests) == 1
    assert isinstance(tick(folder, found.cursor), dg.SkipReason)


def test_a_file_that_goes_while_the_folder_is_read_is_no_error(tmp_path, monkeypatch):
    paths = [settled(tmp_path / "a.csv"), tmp_path / "gone.csv"]
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(paths))
    assert [name for name, *_ in manifest(tmp_path)] == ["a.csv"]


def test_thousands_of_dumps_are_looked_through_in_no_time(tmp_path):
    for n in range(5000):
        (tmp_path / f"{n}.csv").touch()
    start = time.process_time()
    assert len(list(manifest(tmp_path))) == 5000
    assert time.process_time() - start < 2, "a tick may take 60 seconds, on slow disks, too"


def test_the_schedule_requests_a_run_whatever_the_sensor_did():
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime(2024, 6, 3, 6, tzinfo=UTC)
    )
    requests = daily_schedule({}).evaluate_tick(context).run_requests
    assert len(requests) == 1
    assert daily_schedule({}).job_name == dump_sensor.job_name == "news_to_stories"


def test_nothing_runs_by_itself_until_it_is_switched_on():
    assert dump_sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assert daily_schedule({}).default_status == dg.DefaultScheduleStatus.STOPPED


def test_cron_and_time_zone_are_those_of_the_settings_else_of_the_file(monkeypatch):
    file = ConfigFile(None, {"schedule": {"cron": "0 * * * *", "time_zone": "Europe/Berlin"}})
    monkeypatch.setattr(parameters, "config_file", lambda: file)
    monkeypatch.setenv("NEWSCLUST_SCHEDULE", "30 5 * * *")
    schedule = daily_schedule(parameters.schedule_in_force())
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 5 * * *", "Europe/Berlin")


def test_an_invalid_schedule_leaves_the_definitions_loadable():
    assert daily_schedule({"cron": "hourly"}).cron_schedule == "0 6 * * *"
    assert daily_schedule({"time_zone": "Mars"}).execution_timezone == "UTC"


def test_an_empty_folder_asks_for_nothing(tmp_path):
    assert isinstance(tick(tmp_path), dg.SkipReason)


def test_a_missing_folder_is_an_error_not_a_reason_to_skip(tmp_path):
    with pytest.raises(DumpError, match="nowhere: no such file or folder"):
        tick(tmp_path / "nowhere")
