"""Text from outside stays on its line and does not reorder what is around it."""

import pytest

from newsclust_pipeline.core.text import one_line, without_controls


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ferry  fire", "Ferry fire"),
        ("x\n::warning::y", "x ::warning::y"),
        ("x\r\n::error file=a::y", "x ::error file=a::y"),
        ("x\u2028::warning::y", "x ::warning::y"),
        ("x\x85::warning::y", "x ::warning::y"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("\u2066a\u2069\u202a", "a"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07red", "red"),
        ("\x9b2Jred\x1bc", "2Jred"),
        ("Fog\x00\x07", "Fog"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("", ""),
    ],
)
def test_a_text_is_one_line_without_controls(text, shown):
    assert one_line(text) == shown


def test_white_space_of_a_path_stays():
    assert without_controls("/data/two  blanks\t\u202e.csv") == "/data/two  blanks .csv"
