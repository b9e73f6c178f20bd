"""Damaged SQLite files are distinguished from locked ones; their readable rows are read."""

import sqlite3
from contextlib import closing

import pytest

from newsclust_pipeline.core.sqlite_files import is_damage, readable_rows, set_aside

ROWS = [(n, f"text {n}" * 20) for n in range(1, 2001)]


@pytest.fixture
def path(tmp_path):
    with closing(sqlite3.connect(tmp_path / "rows")) as db, db:
        db.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)")
        db.executemany("INSERT INTO rows VALUES (?, ?)", ROWS)
    return tmp_path / "rows"


def error_of(path, sql="SELECT count(text) FROM rows"):
    with closing(sqlite3.connect(path, timeout=0)) as db, pytest.raises(sqlite3.Error) as caught:
        db.execute(sql).fetchall()
    return caught.value


def test_all_rows_of_a_whole_file_are_read(path):
    assert list(readable_rows(path, "rows", ("id", "text"))) == ROWS


def test_of_a_damaged_file_the_rows_on_whole_pages_are_read(path):
    content = path.read_bytes()
    path.write_bytes(content[:40960] + b"\xff" * 4096 + content[45056:])
    assert is_damage(error_of(path), path)
    rows = list(readable_rows(path, "rows", ("id", "text")))
    assert 1900 < len(rows) < 2000
    assert set(rows) <= set(ROWS)


def test_what_is_no_database_is_damaged(tmp_path):
    (tmp_path / "rows").write_bytes(b"no database" * 1000)
    assert is_damage(error_of(tmp_path / "rows"), tmp_path / "rows")


def test_another_table_is_damage_and_a_lock_is_none(path):
    assert is_damage(error_of(path, "SELECT nothing FROM rows"), path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert not is_damage(error_of(path), path)


def test_a_folder_and_an_error_of_the_system_are_no_damage(tmp_path):
    (tmp_path / "rows").mkdir()
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect(tmp_path / "rows")
    assert not is_damage(caught.value, tmp_path / "rows")
    assert not is_damage(OSError(28, "No space left on device"), tmp_path / "rows")


def test_a_damaged_file_is_set_aside_with_the_files_beside_it(path):
    path.with_name("rows-wal").write_bytes(b"")
    damaged = set_aside(path)
    assert damaged.name == "rows.damaged"
    assert sorted(p.name for p in path.parent.iterdir()) == ["rows.damaged", "rows.damaged-wal"]
