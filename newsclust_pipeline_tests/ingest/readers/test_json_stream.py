"""Values of a long JSON text, one after another."""

import io

import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest.readers import json_stream
from newsclust_pipeline.ingest.readers.json_stream import JsonStream, ValueTooLongError


def test_characters_and_values_are_read_in_turn():
    stream = JsonStream(io.StringIO(' [1, {"a": [2]}] '), "a.json")
    assert (stream.take(), stream.value(), stream.take(), stream.value()) == (
        "[",
        1,
        ",",
        {"a": [2]},
    )
    assert (stream.take(), stream.peek(), stream.take()) == ("]", "", "")


def test_values_across_the_ends_of_chunks_are_whole(monkeypatch):
    monkeypatch.setattr(json_stream, "_CHUNK", 3)
    stream = JsonStream(io.StringIO('12345 {"text": "' + "x" * 50 + '"} NaN 6789'), "a.json")
    values = [stream.value() for _ in range(4)]
    assert values[:2] == [12345, {"text": "x" * 50}]
    assert values[3] == 6789


@pytest.mark.parametrize("text", ['{"a": ', "{'a': 1}", "[" * 100_000, "nothing"])
def test_what_is_not_json_is_refused(text):
    with pytest.raises(DumpError, match=r"a\.json: can't be read as JSON"):
        JsonStream(io.StringIO(text), "a.json").value()


def test_an_endless_value_is_refused_and_can_be_read_piece_by_piece(monkeypatch):
    monkeypatch.setattr(json_stream, "MAX_VALUE", 1 << 17)
    stream = JsonStream(io.StringIO('{"a": "' + "x" * (1 << 19)), "a.json")
    with pytest.raises(ValueTooLongError):
        stream.value()
    assert (stream.take(), stream.value()) == ("{", "a")
