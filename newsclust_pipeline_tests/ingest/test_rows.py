"""What every reader promises about the rows that it yields."""

import pytest

from newsclust_pipeline_tests.dumps import read

BROKEN = {
    "news.csv": b"title,venue\nFerry docks,a,b,c\n",
    "news.jsonl": b'{"title": "Ferry docks"\n',
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_row_with_a_defect_holds_only_the_text_of_the_record(tmp_path, name):
    (row,), _ = read(tmp_path / name, BROKEN[name])
    assert row.defect
    assert list(row.cells) == [""]
    assert "Ferry docks" in row.cells[""]
