"""The texts of alerts."""

from datetime import UTC, datetime

import dagster as dg

from newsclust_pipeline.core.markdown import escape_markdown
from newsclust_pipeline.defs.alerts.channels import Message

_SUBJECT_LENGTH = 80  # characters of the cause in a subject
_STARTED_BY = {
    "dagster/schedule_name": "by the schedule",
    "dagster/sensor_name": "by the sensor",
}


def failure(run: dg.DagsterRun, cause: str, failures: int, note: str, ui_url: str) -> Message:
    """Return the alert for a failed run.

    Args:
        run: the run.
        cause: why it failed, in one line.
        failures: number of runs that have failed in a row, this one included.
        note: what else the reader needs to know.
        ui_url: address of the UI; empty: no link.
    """
    short = cause if len(cause) <= _SUBJECT_LENGTH else f"{cause[: _SUBJECT_LENGTH - 1]}…"
    times = "" if failures == 1 else f" ({failures:,} times in a row)"
    lines = [escape_markdown(cause), "", _describe(run, ui_url), "", note]
    return Message(f"newsclust: run failed{times}: {short}", "\n".join(lines))


def recovery(run: dg.DagsterRun, failures: int, ui_url: str) -> Message:
    """Return the message that runs succeed again."""
    count = "1 run" if failures == 1 else f"{failures:,} runs in a row"
    text = f"Before, {count} had failed.\n\n{_describe(run, ui_url)}"
    return Message("newsclust: runs succeed again", text)


def digest(text: str) -> Message:
    """Return the digest as a message; its heading is the subject."""
    heading, _, rest = text.partition("\n")
    return Message(f"newsclust: {heading.removeprefix('# ')}", rest.strip())


def _describe(run: dg.DagsterRun, ui_url: str) -> str:
    """Return which run it was, who started it, and where it can be seen."""
    starts = [f"{by} {run.tags[tag]}" for tag, by in _STARTED_BY.items() if tag in run.tags]
    started = starts[0] if starts else "by hand"
    place = f"<{ui_url.rstrip('/')}/runs/{run.run_id}>" if ui_url else f"run {run.run_id}"
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{escape_markdown(run.job_name)}, started {started}, {now}: {place}"
