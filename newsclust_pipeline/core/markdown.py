"""Helpers that write Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from newsclust_pipeline.core.text import one_line

_MARKS = str.maketrans({mark: f"&#{ord(mark)};" for mark in "\\`*_~[]<>|&!"})
_RULES = {"left": "---", "right": "---:"}


def escape_markdown(text: str) -> str:
    """Return the text with every character escaped that Markdown or HTML would interpret.

    It is one line without bidirectional overrides; see `text.one_line`.
    """
    return one_line(text).translate(_MARKS)


def markdown_table(
    columns: Mapping[str, Literal["left", "right"]], rows: Iterable[Sequence[object]]
) -> str:
    """Return a Markdown table.

    Args:
        columns: header → alignment.
        rows: one value per column. Values are written as text and escaped; None is an empty cell.
    """
    lines = [
        "| " + " | ".join(columns) + " |",
        "|" + "|".join(_RULES[alignment] for alignment in columns.values()) + "|",
    ]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return "" if value is None else escape_markdown(str(value))
