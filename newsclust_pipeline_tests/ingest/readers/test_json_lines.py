"""JSON Lines: broken lines, and objects with different keys."""

import pytest

from newsclust_pipeline_tests.dumps import NEWS, lines, read, titles


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"title": "Ferry doc', "not JSON"),
        ("<html>", "not JSON"),
        ('["Ferry docks"]', "not a JSON object"),
        ('"Ferry docks"', "not a JSON object"),
        ("[" * 100_000, "not JSON"),
    ],
    ids=["cut off", "HTML", "array", "string", "nested too deeply"],
)
def test_a_broken_line_is_rejected_and_the_others_are_read(tmp_path, line, reason):
    content = lines(NEWS[:1]) + b"\n" + line.encode() + b"\n" + lines(NEWS[1:])
    rows, _ = read(tmp_path / "news.jsonl", content)
    assert titles(rows) == [news["title"] for news in NEWS]
    (broken,) = (row for row in rows if row.defect)
    assert (broken.number, broken.cells) == (2, {"": line})
    assert reason in broken.defect


def test_objects_may_differ_in_their_keys(tmp_path):
    rows, _ = read(tmp_path / "news.jsonl", lines([{"id": 1}, {"headline": "Ferry docks"}]))
    assert [dict(row.cells) for row in rows] == [{"id": 1}, {"headline": "Ferry docks"}]
