"""Displays of a run's progress, for the command `newsclust`."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from newsclust_pipeline.defs.terminal import print_wait


class Lines:
    """One line for each stage that has ended. For logs and pipes."""

    def __init__(self) -> None:
        self._start = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing: every line is complete."""

    def begin(self, asset: str) -> None:
        """Remember when a stage begins."""
        self._start = time.monotonic()

    def advance(self, what: str, done: int, total: int) -> None:
        """Show nothing within a stage."""

    def wait(self, asset: str, seconds: float) -> None:
        """Print that a stage is still at work."""
        print_wait(asset, seconds)

    def end(self, asset: str) -> None:
        """Print a stage's name and how long it took."""
        seconds = time.monotonic() - self._start
        print(f"{asset:20} {seconds:6.1f} s", file=sys.stderr, flush=True)  # noqa: T201


class Bars:
    """One line for each stage with a spinner, and a bar for work that can be counted."""

    def __init__(self) -> None:
        columns = (
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description:20}"),
            TimeElapsedColumn(),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[detail]}"),
        )
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begin(self, asset: str) -> None:
        """Add the line of a stage."""
        self._task = self._progress.add_task(asset, total=None, detail="")

    def advance(self, what: str, done: int, total: int) -> None:
        """Update the bar of the stage."""
        if self._task is not None:
            detail = f"{done:,} of {total:,} {what}"
            self._progress.update(self._task, completed=done, total=total, detail=detail)

    def wait(self, asset: str, seconds: float) -> None:
        """Show nothing: the line of the stage has a clock."""

    def end(self, asset: str) -> None:
        """Mark the stage as ended."""
        if self._task is not None:
            self._progress.update(self._task, completed=1, total=1)
