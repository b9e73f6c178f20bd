"""Data versions follow the content of a value, however it lies in memory."""

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.defs.data_version import digest
from newsclust_pipeline.search.graph import Neighbours

TABLE = pa.table({"doc_id": ["a", "b"], "x": [1.0, 2.0]})


def neighbours(distance=1.0, k=1):
    return Neighbours(
        np.array(["a", "b"]), np.array([[1], [0]]), np.array([[distance], [distance]]), k
    )


def copy(value):
    """The same value, elsewhere in memory."""
    if isinstance(value, pa.Table):
        return pa.Table.from_pylist(value.to_pylist(), value.schema)
    return neighbours() if isinstance(value, Neighbours) else type(value)(value)


@pytest.mark.parametrize("value", [TABLE, neighbours(), {"count": 2}, "<p>page</p>"])
def test_equal_values_have_equal_versions(value):
    assert digest(copy(value)) == digest(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TABLE, TABLE.slice(1)),
        (TABLE, TABLE.set_column(1, "x", pa.array([1.0, 2.5]))),
        (TABLE, TABLE.rename_columns(["doc_id", "y"])),
        (TABLE, TABLE.replace_schema_metadata({"seed": "2"})),
        (neighbours(), neighbours(2.0)),
        (neighbours(), neighbours(k=2)),
        ({"count": 2}, {"count": 3}),
        ("<p>page</p>", "<p>pages</p>"),
    ],
)
def test_other_content_has_another_version(one, other):
    assert digest(one) != digest(other)


def test_empty_metadata_is_none():
    assert digest(TABLE.replace_schema_metadata({})) == digest(TABLE)


def test_a_version_does_not_depend_on_chunks():
    rows = {
        "n": [n if n % 3 else None for n in range(10_000)],
        "text": [f"Ferry {n}" if n % 7 else None for n in range(10_000)],
        "venues": [["Post"] * (n % 3) for n in range(10_000)],
    }
    whole = pa.table(rows)
    for size in (1, 13, 4097, 9_999):
        cut = pa.concat_tables(whole.slice(start, size) for start in range(0, 10_000, size))
        assert digest(cut) == digest(whole)
