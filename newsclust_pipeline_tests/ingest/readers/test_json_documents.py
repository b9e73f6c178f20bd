"""JSON in every form: lines, arrays, documents."""

import json

import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest.readers import json_stream
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


NEWSAPI = {"status": "ok", "totalResults": 3, "articles": NEWS}
DOCUMENTS = {
    "array": json.dumps(NEWS),
    "indented array": json.dumps(NEWS, indent=2),
    "wrapped": json.dumps(NEWSAPI),
    "indented and wrapped": json.dumps(NEWSAPI, indent=1),
    "a response a line": "\n".join(json.dumps({"articles": [row]}) for row in NEWS),
    "indented objects one after another": "\n".join(json.dumps(row, indent=1) for row in NEWS),
    "objects with commas between": ",\n".join(json.dumps(row, indent=1) for row in NEWS),
    "pages": json.dumps([NEWS[:1], NEWS[1:]]),
    "a table with a header": json.dumps([list(NEWS[0]), *(list(row.values()) for row in NEWS)]),
    "by columns": json.dumps(
        {key: {str(n): r[key] for n, r in enumerate(NEWS)} for key in NEWS[0]}
    ),
}


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".ndjson"])
@pytest.mark.parametrize("form", DOCUMENTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_form_of_json_is_read_under_every_name(tmp_path, suffix, form, encoding):
    rows, warnings = read(tmp_path / f"news{suffix}", DOCUMENTS[form].encode(encoding))
    assert [dict(row.cells) for row in rows] == NEWS
    assert [row.number for row in rows] == [1, 2, 3]
    assert warnings == []


def test_one_article_may_be_a_whole_document(tmp_path):
    rows, _ = read(tmp_path / "news.json", json.dumps(NEWS[0], indent=2).encode())
    assert [dict(row.cells) for row in rows] == NEWS[:1]


def test_a_long_document_is_not_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(json_stream, "MAX_VALUE", 1 << 18)
    articles = [{"title": f"Fog {n}", "body": "x" * 500} for n in range(2000)]
    document = {
        "meta": {"pages": 1},
        "authors": [{"name": "Q"}] * 50,
        "response": {"docs": articles},
    }
    rows, warnings = read(tmp_path / "news.json", json.dumps(document).encode())
    assert titles(rows) == [row["title"] for row in articles]
    assert warnings == ["news.json: 50 entries of 'authors' ignored"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"title": "Fog"}, {"title": "Be', "can't be read as JSON"),
        ('[{"title": "Fog"},\n', "can't be read as JSON"),
        ('[{"title": "Fog"}, {"title": Bees}]', "can't be read as JSON"),
        ('{\n"articles": [{"title": "Fog"}', "can't be read as JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"guid": 1,\n "list": [1, 2]}', "no title column"),
        ('[{"title": "' + "x" * (1 << 25), "an object of more than 16 million characters"),
    ],
)
def test_a_damaged_document_is_refused(tmp_path, text, message):
    with pytest.raises(DumpError, match=rf"news\.json.*{message}"):
        read(tmp_path / "news.json", text.encode())


def test_an_entry_that_is_no_object_is_rejected(tmp_path):
    rows, _ = read(tmp_path / "news.json", b'[{"title": "Fog"}, 7, "x", {"title": "Bees"}]')
    assert titles(rows) == ["Fog", "Bees"]
    assert [row.defect for row in rows if row.defect] == ["not a JSON object"] * 2
