"""Failures of a run that explain themselves: one plain line, wherever the error was raised."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from sqlalchemy.exc import DBAPIError

from newsclust_pipeline.core.errors import NewsclustError, ServiceError
from newsclust_pipeline.core.file_errors import describe_file_error, file_errors, is_circumstance
from newsclust_pipeline.core.locations import Location, address_of
from newsclust_pipeline.core.text import one_line
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.settings import name_settings


def failure(message: str, *, retry: bool = False) -> dg.Failure:
    """Return a failure with a message that explains itself; it is the last line on the terminal.

    Args:
        message: the message.
        retry: whether another attempt may succeed.
    """
    text = name_settings(message)
    terminal.print_at_end(text)
    return dg.Failure(text, allow_retries=retry)


@contextmanager
def plain_failures(location: Location) -> Iterator[None]:
    """Raise what goes wrong with a file in the block as a failure that explains itself.

    Raises:
        dagster.Failure: another attempt may succeed if a store could not be reached.
    """
    try:
        with file_errors(address_of(location)):
            yield
    except NewsclustError as error:
        raise failure(str(error), retry=isinstance(error, ServiceError)) from None


def explain(error: BaseException | None) -> str:
    """Return what a user can do about an error that Dagster or the system raised; may be empty.

    The errors that it was raised from are looked at, too.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, NewsclustError | dg.Failure):
            return one_line(name_settings(str(error)))
        if isinstance(error, OSError) and is_circumstance(error):
            return one_line(describe_file_error(error, _home()))
        if isinstance(error, DBAPIError | sqlite3.Error):
            return _records(error)
        error = error.__cause__ or error.__context__
    return ""


def _records(error: Exception) -> str:
    reason = one_line(str(getattr(error, "orig", error)))
    return (
        f"{_home()}: Dagster can't read or write its records of runs ({reason}). Free disk space, "
        "or set DAGSTER_HOME to a folder that can be written to. If they are damaged, move the "
        "folder away: only the history of runs is lost, and all stages are computed again."
    )


def _home() -> str:
    return os.environ.get("DAGSTER_HOME") or "DAGSTER_HOME"


def explain_last_error() -> None:
    """Print a plain last line about the error that ended the process; for `atexit`."""
    message = explain(getattr(sys, "last_value", None))
    if message and not terminal.has_last_lines():
        terminal.print_at_end(message)
        terminal.print_last_lines()
