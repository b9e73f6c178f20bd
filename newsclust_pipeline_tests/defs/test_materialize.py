"""Data versions follow content and parameters; errors that explain themselves show nothing else."""

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.defs.materialize import plain_errors, result
from newsclust_pipeline.search.graph import Neighbours

TABLE = pa.table({"doc_id": ["a", "b"], "x": [1.0, 2.0]})


def neighbours(distance=1.0, k=1):
    return Neighbours(
        np.array(["a", "b"]), np.array([[1], [0]]), np.array([[distance], [distance]]), k
    )


def version(value, params=None):
    return result(value, params).data_version.value


@pytest.mark.parametrize("value", [TABLE, neighbours(), {"count": 2}, "<p>page</p>"])
def test_equal_values_have_equal_versions(value):
    assert version(value, {"k": 1}) == version(value, {"k": 1})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TABLE, TABLE.slice(1)),
        (TABLE, TABLE.set_column(1, "x", pa.array([1.0, 2.5]))),
        (TABLE, TABLE.rename_columns(["doc_id", "y"])),
        (neighbours(), neighbours(2.0)),
        (neighbours(), neighbours(k=2)),
        ({"count": 2}, {"count": 3}),
        ("<p>page</p>", "<p>pages</p>"),
    ],
)
def test_other_content_has_another_version(one, other):
    assert version(one) != version(other)


def test_other_parameters_have_another_version():
    assert version(TABLE, {"seed": 1}) != version(TABLE, {"seed": 2}) != version(TABLE)


def test_how_a_table_lies_in_memory_does_not_matter():
    pieces = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    assert version(pieces) == version(TABLE)


def test_tables_are_described():
    metadata = result(TABLE, new=2).metadata
    assert metadata["dagster/row_count"] == 2
    assert metadata["new"] == 2
    assert [c.name for c in metadata["dagster/column_schema"].columns] == ["doc_id", "x"]


def test_an_error_of_ours_becomes_a_failure_that_is_not_retried():
    @plain_errors
    def stage():
        raise DumpError("news.csv: gone")

    with pytest.raises(dg.Failure, match=r"news\.csv: gone") as caught:
        stage()
    assert not caught.value.allow_retries


def test_any_other_error_keeps_its_traceback():
    @plain_errors
    def stage():
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        stage()


def test_a_version_does_not_depend_on_how_a_table_lies_in_memory():
    rows = {
        "n": [n if n % 3 else None for n in range(10_000)],
        "text": [f"Ferry {n}" if n % 7 else None for n in range(10_000)],
        "venues": [["Post"] * (n % 3) for n in range(10_000)],
    }
    whole = pa.table(rows)
    expected = result(whole).data_version
    for size in (1, 13, 4097, 9_999):
        cut = pa.concat_tables(whole.slice(start, size) for start in range(0, 10_000, size))
        assert result(cut).data_version == expected
