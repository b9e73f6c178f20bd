"""Helpers for writing Markdown."""

_MARKS = str.maketrans({mark: f"&#{ord(mark)};" for mark in "\\`*_~[]<>|&!"})


def escape_markdown(text: str) -> str:
    """Take from a headline what Markdown or HTML would act on."""
    return text.translate(_MARKS)
