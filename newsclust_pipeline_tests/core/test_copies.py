"""Copies of remote files: made once, whole, and removed."""

from collections import namedtuple

import pytest

from newsclust_pipeline.core import copies, files
from newsclust_pipeline.core.copies import local_copy
from newsclust_pipeline.core.errors import DiskSpaceError
from newsclust_pipeline.core.locations import parse_location
from newsclust_pipeline.defs.housekeeping import remove_temporary_files


def test_a_file_that_is_read_often_is_downloaded_once(root, tmp_path, monkeypatch):
    files.write_text("one", root / "a.txt")
    downloads, download = [], copies.download
    monkeypatch.setattr(copies, "download", lambda *a: (downloads.append(a), download(*a)))
    with copies.kept_copies(tmp_path / "local"):
        for _ in range(3):
            with local_copy(root / "a.txt") as copy:
                assert copy.read_text() == "one"
        assert len(downloads) == 1
        files.write_text("two", root / "a.txt")
        with local_copy(root / "a.txt") as copy:
            assert copy.read_text() == "two", "it has changed meanwhile"
        with pytest.raises(FileNotFoundError), local_copy(root / "none.txt"):
            pass
        assert not list(tmp_path.glob("newsclust-*"))
    assert list((tmp_path / "local").iterdir()) == []


def test_what_a_killed_run_leaves_is_removed_by_the_next(root, tmp_path):
    files.write_text("one", root / "a.txt")
    with copies.kept_copies(tmp_path), local_copy(root / "a.txt") as copy:
        folder = copy.parent
    folder.mkdir()
    copy.write_text("one")
    assert remove_temporary_files(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_temporary_files_are_removed(root, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files.write_text("x", root / "a.txt")
    with local_copy(root / "a.txt") as copy:
        assert copy.read_text() == "x"
    assert list(tmp_path.iterdir()) == []


def test_a_download_does_not_fill_the_disk(bucket, monkeypatch):
    source = parse_location(f"{bucket}/big.csv", "news.path")
    files.write_text("x" * 1000, source)
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(copies.shutil, "disk_usage", lambda _: usage(copies._MIN_FREE + 999))
    with (
        pytest.raises(DiskSpaceError, match="a download does not fit there"),
        local_copy(source),
    ):
        pass
