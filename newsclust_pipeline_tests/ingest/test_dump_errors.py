"""Errors about dumps tell damaged files from those that can't be read here, and from full disks."""

import errno
from pathlib import Path

import pytest

from newsclust_pipeline.core.errors import DiskSpaceError, DumpError
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.ingest.dump_errors import plain_errors, printable, unreadable

NEWS = Path("news.csv")


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (ValueError("bad\x08 thrift"), DumpError, "can't be read as .csv (bad  thrift). Replace"),
        (OSError(errno.EACCES, "", "news.csv"), DumpError, "Permission denied). Change its perm"),
        (OSError(errno.EIO, ""), DumpError, "Check the disk."),
        (OSError(errno.ENOSPC, ""), DiskSpaceError, "can't write temporary files"),
        (EOFError("no end"), DumpError, "Replace the file with a whole one"),
    ],
)
def test_the_remedy_fits_the_fault(fault, kind, said):
    error = unreadable(NEWS, ".csv", fault)
    assert type(error) is kind
    assert said in str(error)
    assert len(str(error).splitlines()) == 1


def test_only_what_the_file_system_refuses_is_translated():
    with pytest.raises(DumpError, match="news"), plain_errors(NEWS):
        raise PermissionError(errno.EACCES, "")
    with pytest.raises(FileNotFoundError), plain_errors(NEWS):
        raise FileNotFoundError(errno.ENOENT, "")


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 2500 + "b"])
def test_an_overlong_place_is_named(tmp_path, name):
    with pytest.raises(DumpError, match=r"Choose a shorter path|no such file or folder"):
        find_dumps(tmp_path / name)


@pytest.mark.parametrize("name", ["::warning::x.csv", "x\n::error::.csv", "\x1b[31m\u202e.csv"])
def test_a_name_is_one_line_and_no_command(name):
    shown = printable(name)
    assert shown.isprintable()
    assert not shown.startswith("::")
