"""Kept answers: found again by model and message, bounded in number, replaceable if damaged."""

import pytest

from newsclust_pipeline.stories import title_answers
from newsclust_pipeline.stories.title_answers import answer_key, read_answers, write_answers


def test_answers_are_read_back(tmp_path):
    write_answers(tmp_path / "answers", {"k1": "Ferry fire", "k2": ""}, ["k1"])
    assert read_answers(tmp_path / "answers") == ({"k2": "", "k1": "Ferry fire"}, "")


def test_the_oldest_answers_are_dropped_and_those_in_use_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(title_answers, "_MAX_ANSWERS", 2)
    write_answers(tmp_path / "answers", {"k1": "a", "k2": "b", "k3": "c"}, ["k1"])
    assert read_answers(tmp_path / "answers") == ({"k3": "c", "k1": "a"}, "")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 1}', b"\xff"])
def test_a_damaged_file_holds_no_answers(tmp_path, content):
    (tmp_path / "answers").write_bytes(content)
    answers, problem = read_answers(tmp_path / "answers")
    assert answers == {}
    assert "the model is asked again" in problem


def test_no_file_holds_no_answers(tmp_path):
    assert read_answers(tmp_path / "answers") == ({}, "")


@pytest.mark.parametrize("damage", [("fire", "fird"), ("k1", "k7")])
def test_a_damaged_answer_is_left_out_and_counted(tmp_path, damage):
    write_answers(tmp_path / "answers", {"k1": "Ferry fire", "k2": "Fog"}, [])
    content = (tmp_path / "answers").read_text()
    (tmp_path / "answers").write_text(content.replace(*damage))
    answers, problem = read_answers(tmp_path / "answers")
    assert answers == {"k2": "Fog"}
    assert "1 answers are damaged" in problem


def test_answers_of_former_versions_are_read(tmp_path):
    (tmp_path / "answers").write_text('{"k1": "Ferry fire"}')
    assert read_answers(tmp_path / "answers") == ({"k1": "Ferry fire"}, "")


def test_another_model_or_message_has_another_key():
    keys = {answer_key(model, message) for model in ("a", "b") for message in ("x", "y")}
    assert len(keys) == 4
    assert answer_key("a", "x") in keys
