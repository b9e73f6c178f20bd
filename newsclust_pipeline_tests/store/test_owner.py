"""A data folder keeps its id, and a copy gets another one."""

import json
import os
import shutil

import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store.owner import Owner, owner_of

FILE = ".owner.json"


def test_a_folder_is_created_and_keeps_its_id(tmp_path):
    first = owner_of(tmp_path / "new" / "data", pytest.fail)
    assert owner_of(tmp_path / "new" / "data", pytest.fail) == first
    assert owner_of(tmp_path / "other", pytest.fail).id != first.id


def test_another_spelling_of_the_path_is_the_same_folder(tmp_path, monkeypatch):
    first = owner_of(tmp_path / "data", pytest.fail)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "link", tmp_path / "." / "data", tmp_path.__class__("data")):
        assert owner_of(path, pytest.fail).id == first.id


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"id": 3}', '{"id": null, "path": 1}', "\0"])
def test_a_damaged_file_is_replaced_with_a_warning(tmp_path, content):
    first, warnings = owner_of(tmp_path, pytest.fail), []
    (tmp_path / FILE).write_text(content)
    second = owner_of(tmp_path, warnings.append)
    assert second.id != first.id
    assert f"{FILE} can't be read" in warnings[0]
    assert owner_of(tmp_path, pytest.fail) == second


def test_a_moved_folder_keeps_its_id_and_writes(tmp_path):
    first = owner_of(tmp_path / "data", pytest.fail)
    write = first.new_write()
    (tmp_path / "data").rename(tmp_path / "moved")
    moved = owner_of(tmp_path / "moved", pytest.fail)
    assert moved.id == first.id
    assert moved.has_written(write)


def test_a_copy_gets_an_id_of_its_own_and_no_writes(tmp_path):
    first = owner_of(tmp_path / "data", pytest.fail)
    write = first.new_write()
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    copy = owner_of(tmp_path / "copy", lambda _: None)
    assert copy.id != first.id
    assert not copy.has_written(write)
    assert owner_of(tmp_path / "data", pytest.fail).id == first.id


def test_writes_are_remembered_by_the_folder_and_the_oldest_are_forgotten(tmp_path):
    owner = owner_of(tmp_path, pytest.fail)
    writes = [owner.new_write() for _ in range(205)]
    again = owner_of(tmp_path, pytest.fail)
    assert [again.has_written(write) for write in writes] == [False] * 5 + [True] * 200
    assert not again.has_written("another")


def test_a_chosen_id_replaces_the_one_of_the_folder_and_trusts_every_write(tmp_path):
    own = owner_of(tmp_path, pytest.fail)
    chosen = owner_of(tmp_path, pytest.fail, "ours")
    assert (chosen.id, chosen.has_written("another")) == ("ours", True)
    assert owner_of(tmp_path, pytest.fail) == own


def test_only_paths_below_the_folder_are_inside(tmp_path):
    owner = owner_of(tmp_path / "data", pytest.fail)
    assert owner.contains(tmp_path / "data" / "milvus.db")
    assert not owner.contains(tmp_path / "data2" / "milvus.db")
    assert not owner.contains(tmp_path / "data" / ".." / "milvus.db")
    assert not Owner("ours").contains(tmp_path / "milvus.db")


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(CollectionError, match=r"data.*can't be written.*`data_dir`"):
        owner_of(tmp_path / "data", pytest.fail)


def test_the_file_contains_id_path_and_writes(tmp_path):
    owner = owner_of(tmp_path, pytest.fail)
    record = json.loads((tmp_path / FILE).read_text())
    del record["checksum"]
    assert record == {"id": owner.id, "path": os.path.realpath(tmp_path), "writes": []}


def test_every_flipped_bit_of_the_file_is_noticed(tmp_path):
    owner = owner_of(tmp_path, pytest.fail)
    owner.new_write()
    content = bytearray((tmp_path / FILE).read_bytes())
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        (tmp_path / FILE).write_bytes(content)
        warnings = []
        assert owner_of(tmp_path, warnings.append).id != owner.id or bytes(content).isspace(), bit
        assert "can't be read" in warnings[0]
        content[bit // 8] ^= 1 << bit % 8


def test_a_file_of_a_former_version_is_read(tmp_path):
    record = {"id": "0123456789abcdef", "path": os.path.realpath(tmp_path), "writes": []}
    (tmp_path / FILE).write_text(json.dumps(record))
    assert owner_of(tmp_path, pytest.fail).id == record["id"]
