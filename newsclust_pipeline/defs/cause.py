"""Why a run failed, in one line: for the tag of the run, alerts and the last line on a terminal."""

import re
from typing import Any, NamedTuple

import dagster as dg
from dagster import DagsterEventType as EventType

from newsclust_pipeline.core.text import one_line
from newsclust_pipeline.defs.masking import mask_secrets
from newsclust_pipeline.defs.settings import SETTINGS

CAUSE = "newsclust/cause"
MAX_LENGTH = 300  # characters
_UNKNOWN = "the process of the run ended without a message: see the log of the run"
_INTERRUPTED = "the run was stopped before its end"
_INTERRUPTIONS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}
# What a cause has besides its kind: numbers, ids of runs, times.
_PARTICULARS = re.compile(r"\b[0-9a-f]{8,}\b|\d+")


class Cause(NamedTuple):
    """Why a run failed.

    Attributes:
        text: one line, without secrets.
        is_interruption: whether the process was asked to end by a signal.
    """

    text: str
    is_interruption: bool = False


def cause_of(instance: dg.DagsterInstance, run_id: str) -> Cause | None:
    """Return why a run failed, by its first failed step; None if nothing has failed."""
    steps = instance.all_logs(run_id, of_type=EventType.STEP_FAILURE)
    runs = instance.all_logs(run_id, of_type=EventType.RUN_FAILURE)
    for entry in (*steps, *runs):
        event = entry.dagster_event
        data = event.event_specific_data if event else None
        error, explained = getattr(data, "error", None), getattr(data, "user_failure_data", None)
        if explained is not None and explained.description:
            return Cause(_plain(explained.description))
        if event and error is not None:
            return _of_error(event.step_key, error)
    return Cause(_UNKNOWN) if runs else None


def describe(text: str) -> str:
    """Return a cause on one line, without secrets, of at most `MAX_LENGTH` characters."""
    line = _plain(text)
    return line if len(line) <= MAX_LENGTH else f"{line[: MAX_LENGTH - 1]}…"


def _plain(text: str) -> str:
    return mask_secrets(one_line(text), SETTINGS)


def kind_of(cause: str) -> str:
    """Return a cause without its numbers, which differ when the same fails again.

    >>> kind_of("data: used by run 0f3a9c1d (process 71) after 600 s")
    'data: used by run # (process #) after # s'
    """
    return _PARTICULARS.sub("#", cause)


def _of_error(step: str | None, error: Any) -> Cause:
    """Return the innermost error of a step, or of the run itself."""
    while error.cause is not None:
        error = error.cause
    name = error.cls_name or "error"
    text = re.sub(r"^[\w.]+(: |$)", "", error.message.strip())  # without the name of the class
    if name in _INTERRUPTIONS:
        return Cause(_INTERRUPTED, is_interruption=True)
    if name == dg.Failure.__name__:
        return Cause(_plain(text))
    return Cause(_plain(f"{step or 'the run'} failed: {name}: {text}".removesuffix(": ")))
