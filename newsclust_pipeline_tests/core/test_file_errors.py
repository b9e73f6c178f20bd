"""What a file system refuses becomes a sentence with the file, the reason and what to do."""

import errno
import os

import pytest

from newsclust_pipeline.core import file_errors
from newsclust_pipeline.core.errors import FileError
from newsclust_pipeline.core.file_errors import (
    describe_file_error,
    is_circumstance,
    temporary_files_error,
)
from newsclust_pipeline.core.files import atomic_path, copy_file
from newsclust_pipeline_tests.limits import file_size_limit


@pytest.mark.parametrize("number", sorted(file_errors._REMEDIES))
def test_every_reason_comes_with_the_file_and_a_remedy(number):
    error = OSError(number, "")
    assert is_circumstance(error)
    text = describe_file_error(error, "data/stories.parquet")
    assert text.startswith(
        f"data/stories.parquet: can't be read or written ({os.strerror(number)})"
    )
    assert text.endswith(".")
    assert len(text.split(". ")) >= 2


def test_a_missing_file_and_a_lost_connection_are_no_circumstances():
    assert not is_circumstance(FileNotFoundError(errno.ENOENT, "x"))
    assert not is_circumstance(ConnectionResetError(errno.ECONNRESET, "x"))
    with pytest.raises(FileNotFoundError), file_errors.file_errors("data"):
        raise FileNotFoundError(errno.ENOENT, "x")


def write(path, size=10):
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"x" * size)


def test_a_disk_that_takes_no_more_leaves_the_old_file_and_no_temporary_one(tmp_path):
    write(tmp_path / "table")
    too_large = pytest.raises(FileError, match=r"/table: can't .*File too large.*run it again")
    with too_large, file_size_limit(1000):
        write(tmp_path / "table", 2000)
    assert (tmp_path / "table").read_bytes() == b"x" * 10
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    (tmp_path / "table" / "inside").mkdir(parents=True)
    with pytest.raises(FileError, match=r"/table: can't .*A folder is where a file should be"):
        write(tmp_path / "table")
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(FileError, match=r"/data.*: can't .*A file is where a folder should be"):
        write(tmp_path / "data" / "table")
    with pytest.raises(FileError, match="A file is where a folder should be"):
        copy_file(tmp_path / "data", tmp_path / "data" / "copy")


def test_an_overlong_path_is_named(tmp_path):
    with pytest.raises(FileError, match="Choose a shorter path"):
        write(tmp_path / ("x" * 300) / "table")


def test_temporary_files_are_named_even_without_any_folder_for_them(monkeypatch):
    def none():
        raise FileNotFoundError(errno.ENOENT, "no usable temporary directory")

    monkeypatch.setattr(file_errors.tempfile, "gettempdir", none)
    monkeypatch.setenv("TMPDIR", "/gone")
    assert temporary_files_error(OSError("full")).startswith("/gone: can't write temporary files")
