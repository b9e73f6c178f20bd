"""Failures end in one plain line that names the file, the reason, and what to do."""

import errno
import sqlite3
import sys

import dagster as dg
import pyarrow as pa
import pytest
from click.testing import CliRunner
from sqlalchemy.exc import OperationalError

from newsclust_pipeline.cli import main
from newsclust_pipeline.core.errors import FileError, SettingError
from newsclust_pipeline.core.parquet import write_parquet
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.failures import explain, explain_last_error
from newsclust_pipeline.defs.home import open_instance
from newsclust_pipeline.defs.io_managers import (
    CsrIO,
    HistoryIO,
    HtmlIO,
    JsonIO,
    MarkdownIO,
    PageIO,
    ParquetIO,
    StoriesIO,
    StoryFeedsIO,
)
from newsclust_pipeline.defs.resources import DataFolder
from newsclust_pipeline.stories.lineage import HISTORY
from newsclust_pipeline_tests.defs.test_io_managers import NEIGHBOURS, TABLE, output
from newsclust_pipeline_tests.limits import file_size_limit
from newsclust_pipeline_tests.stories.test_exports import STORY

ONE_STORY = pa.Table.from_pylist(
    [STORY | {"url": "", "outlets": 1, "last_published": STORY["first_published"]}]
)
WRITERS = [
    (ParquetIO, TABLE, "thing.parquet"),
    (HistoryIO, HISTORY.empty_table(), "thing.parquet"),
    (StoriesIO, ONE_STORY, "thing.csv"),
    (CsrIO, NEIGHBOURS, "thing.npz"),
    (JsonIO, {"count": 3, "text": "x" * 900}, "thing.json"),
    (HtmlIO, "<p>" + "x" * 900, "thing.html"),
    (PageIO, "<p>" + "x" * 900, "thing.html"),
    (MarkdownIO, "# " + "x" * 900, "thing.md"),
    (StoryFeedsIO, {"stories.atom": "x" * 900}, "stories.atom"),
]


@pytest.fixture(autouse=True)
def last_lines(monkeypatch):
    """The last lines of the process, as a list."""
    lines = []
    monkeypatch.setattr(terminal, "_last_lines", lines)
    return lines


@pytest.mark.parametrize(("manager", "value", "name"), WRITERS)
def test_a_writer_without_space_ends_in_one_plain_line(tmp_path, manager, value, name, last_lines):
    writer = manager(folder=DataFolder(path=str(tmp_path)))
    with pytest.raises(dg.Failure), file_size_limit(500):
        writer.handle_output(output(), value)
    stem = name.partition(".")[0]
    assert last_lines[-1].startswith(f"{tmp_path}/{stem}.")
    assert "can't be read or written (File too large)" in last_lines[-1]
    writer.handle_output(output(), value)
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize(("manager", "value", "name"), WRITERS)
def test_a_folder_in_place_of_a_file_ends_in_one_plain_line(
    tmp_path, manager, value, name, last_lines
):
    (tmp_path / name / "inside").mkdir(parents=True)
    writer = manager(folder=DataFolder(path=str(tmp_path)))
    with pytest.raises(dg.Failure):
        writer.handle_output(output(), value)
    assert f"{tmp_path}/{name}: " in last_lines[-1]
    assert "folder" in last_lines[-1].lower()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EROFS, "", "data/x"), "data/x: can't be read or written (Read-only"),
        (FileError("data/x: full."), "data/x: full."),
        (SettingError("`data_dir`=x: is a file."), "NEWSCLUST_DATA_DIR=x: is a file."),
        (sqlite3.OperationalError("database or disk is full"), "or set DAGSTER_HOME to a folder"),
        (
            OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error")),
            "its records of runs (disk I/O error)",
        ),
        (ValueError("a bug"), ""),
        (None, ""),
    ],
)
def test_an_error_is_explained_by_what_it_was_raised_from(error, said):
    assert said in explain(error)
    if error is not None and said:
        wrapper = RuntimeError("while handling a step")
        wrapper.__cause__ = error
        assert said in explain(wrapper)
    assert bool(explain(error)) == bool(said)


def test_the_error_that_ended_the_process_is_explained_last(monkeypatch, last_lines):
    error = OSError(errno.ENOSPC, "", "/home/storage/runs.db")
    monkeypatch.setattr(sys, "last_value", error, raising=False)
    explain_last_error()
    assert last_lines[-1].startswith("/home/storage/runs.db: can't be read or written (No space")


@pytest.mark.parametrize("place", ["a file", "below a file", "overlong"])
def test_a_home_that_can_not_be_one_is_named(tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("")
    homes = {"a file": "file", "below a file": "file/home", "overlong": "x" * 300}
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / homes[place]))
    with pytest.raises(FileError, match=rf"{homes[place][:9]}.*can't be read or written"):
        open_instance(tmp_path)


@pytest.mark.parametrize("command", ["run", "stories"])
def test_a_command_ends_in_one_plain_line(tmp_path, environment, command):
    (tmp_path / "file").write_text("")
    environment["DAGSTER_HOME"] = str(tmp_path / "file")
    (tmp_path / "stories.parquet").write_bytes(b"PAR1 damaged PAR1")
    result = CliRunner().invoke(main, [command, "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.output.splitlines()[-1].startswith(f"Error: {tmp_path}/")


def test_stories_are_listed_on_one_line_each(tmp_path, environment):
    column = ONE_STORY.schema.get_field_index("title")
    hostile = ["Fog\n::warning::\x1b[31m\u202e"] * ONE_STORY.num_rows
    table = ONE_STORY.set_column(column, ONE_STORY.schema.field(column), [hostile])
    write_parquet(table, tmp_path / "stories.parquet")
    result = CliRunner().invoke(main, ["stories", "--data", str(tmp_path)])
    assert len(result.output.splitlines()) == 1 + ONE_STORY.num_rows
    assert result.output.splitlines()[1].endswith("Fog ::warning::")
