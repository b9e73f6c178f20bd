"""Packed dumps: archives, compressed streams, and the bound on what they unpack to."""

import gzip
import io
import zipfile

import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest import archives
from newsclust_pipeline_tests.dumps import NEWS, delimited, read, titles, zipped


@pytest.mark.parametrize("left", ["inner.zip", "more.csv.lz4"])
def test_ignored_members_of_an_archive_are_reported(tmp_path, left):
    content = zipped([("a.csv", "title\nFerry docks\n"), (left, b"news in here")])
    rows, warnings = read(tmp_path / "news.zip", content)
    assert titles(rows) == ["Ferry docks"]
    assert left in "".join(warnings)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_with_the_same_name_are_both_read(tmp_path):
    content = zipped([("a.csv", "title\nFerry docks\n"), ("a.csv", "title\nFerry leaves\n")])
    assert titles(read(tmp_path / "news.zip", content)[0]) == ["Ferry docks", "Ferry leaves"]


def test_damage_inside_an_archive_is_found_by_its_checksum(tmp_path):
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:  # stored: any other bytes could be a text too
        archive.writestr("news.csv", delimited(NEWS))
    damaged = stored.getvalue().replace(b"Ferry", b"Berry")
    with pytest.raises(DumpError, match=r"news\.zip: can't be read as \.zip"):
        read(tmp_path / "news.zip", damaged)


@pytest.mark.parametrize("suffix", [".csv.gz", ".zip", "gz in zip", ".parquet in zip"])
def test_a_bomb_is_stopped_while_it_unpacks(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(archives, "MIN_ALLOWANCE", 1 << 20)
    text = b"title\n" + b"Ferry docks again and again\n" * 200_000
    bombs = {
        ".csv.gz": ("news.csv.gz", gzip.compress(text)),
        ".zip": ("news.zip", zipped([("news.csv", text)])),
        "gz in zip": ("news.zip", zipped([("news.csv.gz", gzip.compress(text))])),
        ".parquet in zip": ("news.zip", zipped([("news.parquet", bytes(5 << 20))])),
    }
    name, content = bombs[suffix]
    with pytest.raises(DumpError, match=rf"{name}: unpacks to more than 100 times its size"):
        read(tmp_path / name, content)


def test_all_members_of_an_archive_share_one_allowance(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MIN_ALLOWANCE", 1 << 20)
    text = b"title\n" + b"Ferry docks\n" * 30_000
    members = [(f"{n}.csv", text) for n in range(5)]
    assert len(read(tmp_path / "two.zip", zipped(members[:2]))[0]) == 60_000
    with pytest.raises(DumpError, match=r"five\.zip: unpacks to more"):
        read(tmp_path / "five.zip", zipped(members))


def test_a_small_dump_may_unpack_to_more_than_a_hundred_times_its_size(tmp_path):
    text = b"title\n" + b"Ferry docks\n" * 100_000
    rows, _ = read(tmp_path / "news.csv.gz", gzip.compress(text))
    assert len(rows) == 100_000


@pytest.mark.parametrize(
    "name",
    [
        "../news.csv",
        "a/../../news.csv",
        "/etc/news.csv",
        "C:\\news.csv",
        "..\\news.csv",
        "C:news.csv",
    ],
)
def test_an_archive_with_a_name_that_leads_out_of_it_is_refused(tmp_path, name):
    content = zipped([("good.csv", "title\nFerry docks\n"), (name, "title\nBees\n")])
    with pytest.raises(DumpError, match=r"news\.zip: refused, because it names a place outside"):
        read(tmp_path / "news.zip", content)


@pytest.mark.parametrize("name", ["a..b.csv", "...csv", "2024/06/news..csv", "a b/(news).csv"])
def test_an_odd_name_inside_the_archive_is_not_refused(tmp_path, name):
    content = zipped([("good.csv", "title\nFerry docks\n"), (name, "title\nBees\n")])
    assert "Ferry docks" in titles(read(tmp_path / "news.zip", content)[0])
