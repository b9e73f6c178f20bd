"""What a run shows on the terminal: its progress, and its last lines.

Dagster's log of a failed run ends with a page of steps that were not executed, far below the cause.
So the cause is printed once more when the process ends; after a good run, the figures and the path
of the map are.
"""

import atexit
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from newsclust_pipeline.defs.console import safe_lines


class Listener(Protocol):
    """Receives the progress of a run, to display it."""

    def begin(self, asset: str) -> None:
        """A stage has begun."""

    def advance(self, what: str, done: int, total: int) -> None:
        """A stage has done some of its work, such as "texts embedded"."""

    def wait(self, asset: str, seconds: float) -> None:
        """A stage has run for so many seconds, the last ones without progress."""

    def end(self, asset: str) -> None:
        """A stage has ended, well or not."""


_SILENCE = 10.0  # seconds
_last_progress = 0.0
_listeners: list[Listener] = []
_last_lines: list[str] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Pass the progress of the runs inside this block to a listener."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def stage(asset: str) -> Iterator[None]:
    """Notify the listeners when a stage begins and when it ends, and while it is silent."""
    for listener in _listeners:
        listener.begin(asset)
    ended = threading.Event()
    thread = threading.Thread(target=_break_silence, args=(asset, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for listener in _listeners:
            listener.end(asset)


def _break_silence(asset: str, ended: threading.Event) -> None:
    start = time.monotonic()
    while not ended.wait(_SILENCE):
        now = time.monotonic()
        if now - _last_progress < _SILENCE:
            continue
        for listener in _listeners:
            listener.wait(asset, now - start)
        if not _listeners:
            print_wait(asset, now - start)


def print_wait(asset: str, seconds: float) -> None:
    """Print that a stage is still at work."""
    line = f"{asset:20} {seconds:6.0f} s so far (a first run also compiles code)"
    print(line, file=sys.stderr, flush=True)  # noqa: T201 (it is for people)


def advance(what: str, done: int, total: int) -> None:
    """Notify the listeners of the progress of a stage."""
    global _last_progress  # noqa: PLW0603
    _last_progress = time.monotonic()
    for listener in _listeners:
        listener.advance(what, done, total)


def print_at_end(*lines: str) -> None:
    """Print these lines when the process ends, in place of those of an earlier call."""
    if not _last_lines:
        atexit.register(print_last_lines)
    _last_lines[:] = map(safe_lines, lines)


def has_last_lines() -> bool:
    """Return whether lines wait for the end of the process."""
    return bool(_last_lines)


def print_last_lines() -> None:
    """Print the last lines now, and not again."""
    if _last_lines:
        *figures, last = _last_lines
        lines = ["", *figures, f"newsclust_pipeline: {last}"]
        _last_lines.clear()
        print("\n".join(lines), file=sys.stderr)  # noqa: T201 (it is for people)
