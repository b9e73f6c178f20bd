"""Parquet dumps with 27 types of columns, and values that Python or the pipeline doesn't have."""

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.trials.trial import Trial
from newsclust_pipeline_tests.fuzz_targets import read_dump

_FAR = 2**62
_COLUMNS = {
    "timestamp[us] beyond 9999": pa.array([_FAR] * 3, pa.timestamp("us")),
    "timestamp[s] beyond 9999": pa.array([2**50] * 3, pa.timestamp("s")),
    "timestamp[ms] before 1": pa.array([-(2**60)] * 3, pa.timestamp("ms")),
    "timestamp[ns]": pa.array([_FAR] * 3, pa.timestamp("ns")),
    "timestamp with zone": pa.array([0] * 3, pa.timestamp("us", "Europe/Paris")),
    "timestamp with unknown zone": pa.array([0] * 3, pa.timestamp("us", "Mars/Olympus")),
    "timestamp with offset": pa.array([0] * 3, pa.timestamp("us", "+26:00")),
    "date32 beyond 9999": pa.array([2**31 - 1] * 3, pa.date32()),
    "date64": pa.array([86_400_000 * 10**7] * 3, pa.date64()),
    "time64": pa.array([1] * 3, pa.time64("ns")),
    "duration": pa.array([_FAR] * 3, pa.duration("us")),
    "list of timestamps": pa.array([[_FAR]] * 3, pa.list_(pa.timestamp("us"))),
    "NaN": pa.array([float("nan")] * 3, pa.float64()),
    "infinity": pa.array([float("inf")] * 3, pa.float64()),
    "half": pa.array([1.0] * 3, pa.float32()).cast(pa.float16()),
    "decimal": pa.array([1] * 3, pa.int64()).cast(pa.decimal128(38, 10)),
    "uint64": pa.array([2**64 - 1] * 3, pa.uint64()),
    "bool": pa.array([True, None, False]),
    "null": pa.nulls(3),
    "binary": pa.array([b"\xff\xfe\x00"] * 3, pa.binary()),
    "fixed binary": pa.array([b"abcd"] * 3, pa.binary(4)),
    "string that is not UTF-8": pa.Array.from_buffers(
        pa.string(), 3, pa.array([b"\xff\xfe"] * 3, pa.binary()).buffers()
    ),
    "large string": pa.array(["x"] * 3, pa.large_string()),
    "struct": pa.array([{"title": "x", "n": None}] * 3),
    "map": pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64())),
    "embedding": pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float32(), 2)),
    "dictionary": pa.array(["a", "b", None]).dictionary_encode(),
}


def trials() -> Iterator[Trial]:
    """Yield the trials: each type as a column that is not read, and as the date."""
    for name, column in _COLUMNS.items():
        yield Trial(name, partial(_attempt, column))


def _attempt(column: pa.Array, _: Path) -> str:
    titles = ["Fog over the harbour", "Ferry runs aground", "Orchard opens"]
    for place in ("other", "published_at", "description"):
        sink = io.BytesIO()
        pq.write_table(pa.table({"title": titles, place: column}), sink)
        articles = read_dump("types.parquet", sink.getvalue())
        if articles is None or sorted(articles.table["title"].to_pylist()) != sorted(titles):
            return f"as {place}: not all articles"
    return ""
