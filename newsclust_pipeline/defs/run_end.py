"""What follows when a run has ended: the tag with the cause of a failure, alerts, the digest.

The guard of the run does it inside of the run, so it happens whichever way the run was started. A
run whose process dies can't: the sensor `failure_sensor` does it for those.
"""

from collections.abc import Callable
from contextlib import suppress

import dagster as dg

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.files import read_text
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.alerts import messages
from newsclust_pipeline.defs.alerts.history import (
    ALERT,
    FOLDER,
    SENT,
    WITHHELD,
    folder_tag,
    read_history,
)
from newsclust_pipeline.defs.alerts.resource import Alerts
from newsclust_pipeline.defs.cause import CAUSE, Cause, cause_of, describe
from newsclust_pipeline.defs.keys import asset_key
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.defs.settings import name_settings

Warn = Callable[[str], None]
_NOTE = "Further failures for the same cause are not sent before {hours} hours have passed."


def after_run(
    instance: dg.DagsterInstance, run: dg.DagsterRun, alerts: Alerts, folder: DataFolder, warn: Warn
) -> None:
    """Record why a run failed and send what is to be sent. To be called once its stages have ended.

    Args:
        instance: has the records of the run.
        run: the run.
        alerts: the recipients.
        folder: the data folder of the run.
        warn: receives what could not be sent.
    """
    causes: list[Cause | None] = []
    _attempt(lambda: causes.append(cause_of(instance, run.run_id)), warn)
    cause = causes[0] if causes else None
    if cause is not None:
        terminal.print_at_end(cause.text)
        after_failure(instance, run, cause, alerts, folder, warn)
    elif alerts.are_on and causes:
        _attempt(lambda: _after_success(instance, run, alerts, folder, warn), warn)


def after_failure(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    cause: Cause,
    alerts: Alerts,
    folder: DataFolder,
    warn: Warn,
) -> None:
    """Record why a run failed, and send an alert if it is due; see `after_run`.

    A run that has an alert is left as it is, so this may be called more than once.
    """
    _attempt(lambda: _record_failure(instance, run, cause, alerts, folder, warn), warn)


def _record_failure(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    cause: Cause,
    alerts: Alerts,
    folder: DataFolder,
    warn: Warn,
) -> None:
    current = instance.get_run_by_id(run.run_id)
    if current is None or ALERT in current.tags:
        return
    text = describe(cause.text)
    instance.add_run_tags(run.run_id, {CAUSE: text})
    if alerts.are_on and not cause.is_interruption:
        _alert(instance, run, text, alerts, folder, warn)


def _alert(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    cause: str,
    alerts: Alerts,
    folder: DataFolder,
    warn: Warn,
) -> None:
    tags = {FOLDER: folder_tag(folder)}
    history = read_history(instance, run.run_id, tags[FOLDER])
    hours = alerts.repeat_hours
    if history.is_due(cause, hours):
        note = _NOTE.format(hours=hours) if hours else ""
        message = messages.failure(run, cause, history.failures + 1, note, alerts.ui_url)
        # Without the tag the sensor tries once more.
        tags |= {ALERT: SENT} if alerts.send(message, warn) else {}
    else:
        tags[ALERT] = WITHHELD
    instance.add_run_tags(run.run_id, tags)


def _after_success(
    instance: dg.DagsterInstance, run: dg.DagsterRun, alerts: Alerts, folder: DataFolder, warn: Warn
) -> None:
    if all(_made(instance, run, name) for name in ("raw_news", "cluster_plot")):
        tags = {FOLDER: folder_tag(folder)}
        history = read_history(instance, run.run_id, tags[FOLDER])
        if history.alerts:
            alerts.send(messages.recovery(run, history.failures, alerts.ui_url), warn)
        instance.add_run_tags(run.run_id, tags)
    if alerts.sends_digest and _made(instance, run, "digest", changed=True):
        text = read_text(folder.file("digest.md"))
        alerts.send(messages.digest(text), warn)


def _made(
    instance: dg.DagsterInstance, run: dg.DagsterRun, name: str, *, changed: bool = False
) -> bool:
    """Return whether the run materialised an asset, and if `changed`, as another version."""
    records = instance.fetch_materializations(asset_key(name), limit=2).records
    if not records or records[0].run_id != run.run_id:
        return False
    events = [record.asset_materialization for record in records]
    versions = [(event.tags or {}).get("dagster/data_version") for event in events if event]
    return not changed or len(set(versions)) == len(versions)


def _attempt(action: Callable[[], None], warn: Warn) -> None:
    """Do something for which a run must not fail; warn of what goes wrong."""
    try:
        action()
    except SettingError as error:
        warn(name_settings(f"no message was sent: {error}"))
    except Exception as error:  # noqa: BLE001 (what follows a run must not hide how it ended)
        with suppress(Exception):  # the log is in Dagster's records, which may be what fails
            warn(describe(f"no message was sent: {type(error).__name__}: {error}"))
