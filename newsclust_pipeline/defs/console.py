"""The last line on the terminal.

Dagster's log of a failed run ends with a page of steps that were not executed; what went wrong and
what to do stands far above it. So does the place of the map after a good run. Both are said once
more when the process ends.
"""

import atexit
import sys

_last: list[str] = []


def last_word(text: str) -> None:
    """Say this when the process ends. A later call replaces an earlier one."""
    if not _last:
        atexit.register(_say)
    _last[:] = [text]


def _say() -> None:
    print(f"\nnewsclust_pipeline: {_last[0]}", file=sys.stderr)  # noqa: T201 (it is for people)
