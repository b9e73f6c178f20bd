"""Parquet files: nested cells, values that Python lacks, small files with much text."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest.readers.parquet import text_lengths
from newsclust_pipeline_tests.dumps import parquet, read, titles

TITLES = ["Ferry docks", "Bees swarm"]


def written(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, dictionary_pagesize_limit=1 << 26)
    return sink.getvalue()


def test_batches_nulls_and_nested_cells_are_read(tmp_path):
    news = [
        {"title": None if n % 2 else f"Bees {n}", "source": {"name": "Post"}} for n in range(9000)
    ]
    rows, _ = read(tmp_path / "news.parquet", parquet(news))
    assert [dict(row.cells) for row in rows] == news
    assert [row.number for row in rows] == list(range(1, 9001))


LARGEST = pa.array([2**63 - 1, 0], pa.int64())
ODD = {
    "a date after all years": LARGEST.cast(pa.timestamp("us")),
    "a day after all years": pa.array([2**31 - 1, 0], pa.int32()).cast(pa.date32()),
    "an unknown zone": pa.array([0, 0], pa.int64()).cast(pa.timestamp("us", "Mars/Phobos")),
    "a long duration": LARGEST.cast(pa.duration("s")),
    "a list of dates": pa.array([[2**62], []], pa.list_(pa.int64())).cast(
        pa.list_(pa.timestamp("us"))
    ),
    "no number": pa.array([float("nan"), None]),
    "a map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    "a vector": pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2)),
    "nothing": pa.nulls(2),
}


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("column", ["other", "published_at"])
def test_an_odd_value_costs_no_article(tmp_path, what, column):
    rows, _ = read(tmp_path / "news.parquet", written(title=TITLES, **{column: ODD[what]}))
    assert titles(rows) == TITLES
    assert rows[0].fields.date is None or what == "an unknown zone"


@pytest.mark.parametrize("is_read", [True, False])
def test_bytes_that_are_not_utf8_are_decoded_as_windows_1252(tmp_path, is_read):
    offsets = pa.py_buffer(b"\0\0\0\0\5\0\0\0\x0a\0\0\0")
    broken = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"Caf\xe9sBees "))
    columns = {"title": broken} if is_read else {"title": TITLES, "other": broken}
    rows, warnings = read(tmp_path / "news.parquet", written(**columns))
    assert titles(rows) == (["Cafés", "Bees "] if is_read else TITLES)
    assert "Windows-1252" in warnings[0]


def repeated(text, count):
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), [text])


BOMB = repeated("x" * 2_000_000, 5000)
BOMBS = {
    "text": BOMB,
    "long text": BOMB.cast(pa.dictionary(pa.int32(), pa.large_string())),
    "object": pa.StructArray.from_arrays([BOMB], ["name"]),
    "list": pa.ListArray.from_arrays(pa.array(range(5001), pa.int32()), BOMB),
}


@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.parametrize("column", ["text", "other"])
def test_a_small_file_with_gigabytes_of_text_is_refused(tmp_path, kind, column):
    content = written(title=[f"Fog {n}" for n in range(5000)], **{column: BOMBS[kind]})
    assert len(content) < 1 << 20
    with pytest.raises(DumpError, match="unpacks to more than 100 times its size"):
        read(tmp_path / "news.parquet", content)


def test_an_index_out_of_a_dictionary_is_refused():
    indices = pa.array([0, 7], pa.int32())
    damaged = pa.DictionaryArray.from_arrays(indices, pa.array(["Fog"]), safe=False)
    with pytest.raises(pa.ArrowInvalid, match="lacks an entry"):
        text_lengths(damaged)


def test_the_length_of_texts_counts_those_in_objects_and_lists():
    lists = pa.array([["a", "bb"], [], None])
    objects = pa.array([{"a": "x", "b": 1}, {"a": None, "b": 2}, {"a": "yyy", "b": 3}])
    dictionary = pa.array(["aa", None, "b"]).dictionary_encode()
    assert text_lengths(lists).tolist() == [3, 0, 0]
    assert text_lengths(objects).tolist() == [1, 0, 3]
    assert text_lengths(dictionary).tolist() == [2, 0, 1]
    assert text_lengths(pa.array([1, 2])).tolist() == [0, 0]


def test_a_text_that_recurs_may_do_so(tmp_path):
    text = "As ever " * 1000
    content = written(title=[f"Fog {n}" for n in range(5000)], text=repeated(text, 5000))
    rows, _ = read(tmp_path / "news.parquet", content)
    assert {row.cells["text"] for row in rows} == {text}
