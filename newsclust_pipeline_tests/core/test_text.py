"""Text from outside stays on its line and does not reorder what is around it."""

import pytest

from newsclust_pipeline.core.text import one_line


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
        ("\x1b[31mred", "[31mred"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("", ""),
    ],
)
def test_a_text_is_one_line_without_controls(text, shown):
    assert one_line(text) == shown
