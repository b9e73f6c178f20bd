"""One trial: something that is done to the pipeline, and what counts as surviving it.

A trial is survived if the result is the one without damage, or if it ends in one plain sentence;
where files were damaged, a repetition must give the result without damage. A traceback, other rows
without a word, or a file that stays half-written are not.
"""

import io
import time
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from newsclust_pipeline.core.errors import NewsclustError

_SLOW = 60.0  # seconds; longer is not survived
_BIDI = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"}


@dataclass(frozen=True)
class Trial:
    """A trial.

    Attributes:
        name: what is done.
        attempt: does it in an empty folder; returns what went wrong, "" if it was survived.
    """

    name: str
    attempt: Callable[[Path], str]


def failures_of(trials: Iterable[Trial]) -> tuple[int, list[str]]:
    """Return the number of trials, and a line for each that was not survived."""
    count, failures = 0, []
    for trial in trials:
        count += 1
        began = time.monotonic()
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                with redirect_stderr(io.StringIO()):  # logs of Dagster
                    problem = trial.attempt(Path(folder))
            except Exception as error:  # noqa: BLE001 - whatever it is, it was not survived
                problem = f"{type(error).__name__}: {error}"
        if not problem and time.monotonic() - began > _SLOW:
            problem = f"took {time.monotonic() - began:.0f} s"
        if problem:
            failures.append(f"{trial.name}: {problem}"[:300])
    return count, failures


def not_plain(error: BaseException | str) -> str:
    """Return what is wrong with a message as the last line of a run; "" if nothing is."""
    text = str(error)
    if not isinstance(error, NewsclustError | str):
        return f"raw {type(error).__name__}: {text}"
    if not text.strip() or len(text.splitlines()) != 1:
        return f"not one line: {text!r}"
    if any(unicodedata.category(c) == "Cc" or c in _BIDI for c in text) or text.startswith("::"):
        return f"control characters or a command: {text!r}"
    return "" if "Traceback" not in text else f"a traceback: {text!r}"
