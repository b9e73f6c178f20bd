"""Files are whole or absent, and the same content gives the same bytes."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core.files import (
    atomic_path,
    content_digest,
    copy_file,
    read_parquet,
    write_parquet,
)
from newsclust_pipeline.core.tables import lists_of
from newsclust_pipeline.ingest.discover import is_transient


def table(vectors=((0.5, -1.0), (0.0, 2.0))):
    kind = pa.list_(pa.float32(), 2)
    columns = {"doc_id": ["a", "b"], "embedding": pa.array([list(v) for v in vectors], kind)}
    return pa.table(columns).replace_schema_metadata({"model": "invented"})


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


def test_a_table_comes_back_as_it_was_written_with_its_metadata(tmp_path):
    write_parquet(table(), tmp_path / "t.parquet")
    read = read_parquet(tmp_path / "t.parquet")
    assert read.equals(table())
    assert read.schema.metadata == table().schema.metadata == {b"model": b"invented"}


def test_the_same_table_gives_the_same_bytes_and_another_one_others(tmp_path):
    written = []
    for number, given in enumerate([table(), table(), table(((0.5, -1.0), (0.0, 2.5)))]):
        write_parquet(given, tmp_path / f"{number}.parquet")
        written.append((tmp_path / f"{number}.parquet").read_bytes())
    assert written[0] == written[1] != written[2]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_table_of_hardly_any_rows_can_be_written(tmp_path, rows):
    write_parquet(table().slice(0, rows), tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").equals(table().slice(0, rows))


def test_lists_come_back_as_they_were_to_the_name_of_their_entries(tmp_path):
    written = pa.table({"venues": pa.array([["Post"], []], lists_of(pa.string()))})
    write_parquet(written, tmp_path / "news.parquet")
    read = read_parquet(tmp_path / "news.parquet")
    assert str(read.schema) == str(written.schema)


def test_a_digest_follows_the_bytes_alone(tmp_path):
    for name, content in (("a", b"same"), ("b", b"same"), ("c", b"other")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (content_digest(tmp_path / name) for name in "abc")
    assert a == b != c


def test_a_damaged_table_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    write_parquet(pa.table({"n": list(range(1000))}), path)
    content = bytearray(path.read_bytes())
    forged = pa.table({"n": [0, *range(1, 1000)]}).replace_schema_metadata({"digest": "0" * 32})
    pq.write_table(forged, path)
    with pytest.raises(ValueError, match="does not match its digest"):
        read_parquet(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises((OSError, ValueError)):
        read_parquet(path)


def test_a_copy_replaces_the_target_at_once(tmp_path):
    (tmp_path / "a").write_text("new")
    (tmp_path / "b").write_text("old")
    copy_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "new"
    with pytest.raises(FileNotFoundError):
        copy_file(tmp_path / "none", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "new"


def test_every_flipped_bit_of_a_footer_is_noticed_or_has_no_effect(tmp_path):
    lists = pa.array([[1.0, 0.0], [0.0, 1.0]], pa.list_(pa.float32(), 2))
    table = pa.table({"doc_id": ["a", "b"], "embedding": lists})
    table = table.replace_schema_metadata({"fingerprint": "minilm/1"})
    write_parquet(table, tmp_path / "table")
    content, noticed = bytearray((tmp_path / "table").read_bytes()), 0
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    for bit in range(8 * start, 8 * len(content), 3):
        content[bit // 8] ^= 1 << bit % 8
        (tmp_path / "table").write_bytes(content)
        try:
            read = read_parquet(tmp_path / "table")
        except (OSError, ValueError, pa.ArrowException):
            noticed += 1
        else:
            assert read.cast(table.schema).equals(table), bit
            assert read.schema.metadata[b"fingerprint"] == b"minilm/1", bit
        content[bit // 8] ^= 1 << bit % 8
    assert noticed > 500
