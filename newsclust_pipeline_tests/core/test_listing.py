"""What is known of a file without reading it."""

import time

from newsclust_pipeline.core import files
from newsclust_pipeline.core.listing import file_info, list_folder


def test_a_listing_is_what_is_there_now_with_size_time_and_version(root):
    files.write_text("one", root / "a.txt")
    (first,) = list_folder(root)
    assert first.size == 3
    assert abs(first.time_ns / 1e9 - time.time()) < 120
    assert file_info(root / "a.txt").version == first.version
    files.write_text("two", root / "a.txt")
    (second,) = list_folder(root)
    assert second.version != first.version


def test_files_of_this_machine_are_listed_by_name(tmp_path):
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    first, second = list_folder(tmp_path)
    assert [first.location.name, second.location.name] == ["a.txt", "b.txt"]
    assert first.size == 5
    assert abs(first.time_ns / 1e9 - time.time()) < 120
    assert file_info(tmp_path / "a.txt") == first
    assert file_info(tmp_path) is None
    assert list_folder(tmp_path / "none") == []
