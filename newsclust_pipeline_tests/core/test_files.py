"""Files are whole or absent, and the same content gives the same bytes."""

import os

import pytest

from newsclust_pipeline.core.files import atomic_path, content_digest, copy_file
from newsclust_pipeline.ingest.discover import is_transient


def test_a_new_file_stands_under_its_name_only_once_it_is_whole(tmp_path):
    target = tmp_path / "made" / "on the way" / "news.parquet"
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert list(target.parent.iterdir()) == [target]


def test_the_old_file_can_be_read_until_the_new_one_replaces_it(tmp_path):
    target = tmp_path / "news.json"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("fault", [ValueError, OSError, KeyboardInterrupt])
@pytest.mark.parametrize("before", ["old", None])
def test_a_failure_leaves_what_was_there_and_no_litter(tmp_path, fault, before):
    target = tmp_path / "news.json"
    if before:
        target.write_text(before)
    with pytest.raises(fault), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise fault
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == (
        {"news.json": before} if before else {}
    )


def test_the_temporary_file_lies_beside_the_target_and_passes_for_no_dump(tmp_path):
    # Beside: a rename across file systems isn't atomic. No dump: the folder may be watched.
    with atomic_path(tmp_path / "news.csv") as temporary:
        assert temporary.parent == tmp_path
        assert is_transient(temporary.name)


def test_two_writers_of_one_file_do_not_share_a_temporary_one(tmp_path):
    target = tmp_path / "news.json"
    with atomic_path(target) as one, atomic_path(target) as other:
        one.write_text("outer")
        other.write_text("inner")
    assert target.read_text() == "outer"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640)])
def test_the_file_is_as_readable_as_the_umask_allows_and_the_umask_stays(tmp_path, umask, mode):
    target = tmp_path / "news.json"
    before = os.umask(umask)
    try:
        with atomic_path(target) as temporary:
            temporary.write_text("{}")
    finally:
        left = os.umask(before)
    assert target.stat().st_mode & 0o777 == mode
    assert left == umask


def test_a_digest_follows_the_bytes_alone(tmp_path):
    for name, content in (("a", b"same"), ("b", b"same"), ("c", b"other")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (content_digest(tmp_path / name) for name in "abc")
    assert a == b != c


def test_a_copy_replaces_the_target_at_once(tmp_path):
    (tmp_path / "a").write_text("new")
    (tmp_path / "b").write_text("old")
    copy_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "new"
    with pytest.raises(FileNotFoundError):
        copy_file(tmp_path / "none", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "new"
