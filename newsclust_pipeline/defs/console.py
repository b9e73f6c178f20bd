"""The log on the terminal, in which no text from outside can act as anything but text."""

import logging
from collections.abc import Callable
from typing import Any

from newsclust_pipeline.core.text import without_controls

_LOGGERS = {"dagster", "newsclust_pipeline"}


def safe_lines(text: str) -> str:
    r"""Return a text of several lines without control characters, and without workflow commands.

    A line that begins with "::", or contains "##[", would be a command to GitHub Actions or Azure
    Pipelines, which ignore white space before it.

    >>> safe_lines("x\n::error::y\x1b[31m")
    'x\n> ::error::y'
    """
    return "\n".join(_safe_line(line) for line in text.split("\n"))


def _safe_line(line: str) -> str:
    line = (
        without_controls(line.removesuffix("\r")).replace("##[", "## [").replace("##vso[", "## [")
    )
    return f"> {line}" if line.lstrip().startswith("::") else line


def make_logs_safe() -> None:
    """Make the messages of all records of Dagster and of this package safe; see `safe_lines`.

    Dagster uses its own console logger where the run config names none, so a logger of the
    definitions would not do.
    """
    factory = logging.getLogRecordFactory()
    if isinstance(factory, _SafeRecords):
        return
    logging.setLogRecordFactory(_SafeRecords(factory))


class _SafeRecords:
    """A factory of records, which changes the messages of some loggers."""

    def __init__(self, factory: Callable[..., logging.LogRecord]) -> None:
        self._factory = factory

    def __call__(self, name: str | None, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._factory(name, *args, **kwargs)
        if (name or "").partition(".")[0] in _LOGGERS:
            try:
                record.msg, record.args = safe_lines(record.getMessage()), ()
            except (TypeError, ValueError):  # the message doesn't fit its arguments
                record.msg = safe_lines(str(record.msg))
        return record
