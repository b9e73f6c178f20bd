"""Which runs have failed before: what decides whether an alert is sent.

Runs carry tags: `newsclust/cause`, `newsclust/alert` (sent or withheld), and
`newsclust/data_folder` with a digest of the path, because several data folders may share one
DAGSTER_HOME. A successful run has the last one only if it materialised all assets.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from newsclust_pipeline.defs.cause import CAUSE, kind_of
from newsclust_pipeline.defs.resources.data_folder import DataFolder

ALERT, SENT, WITHHELD = "newsclust/alert", "sent", "withheld"
FOLDER = "newsclust/data_folder"
_RUNS = 100  # that are looked through; more alerts than that in a row is one more alert


class History(NamedTuple):
    """What happened since the last successful run of all assets.

    Attributes:
        failures: number of runs that failed.
        alerts: the runs for which an alert was sent, the newest first.
    """

    failures: int
    alerts: Sequence[dg.RunRecord]

    def is_due(self, cause: str, hours: int) -> bool:
        """Return whether an alert for another failure is to be sent.

        Args:
            cause: of the failure.
            hours: after which an alert for the same cause is repeated.
        """
        start = datetime.now(UTC) - timedelta(hours=hours)
        return not any(
            kind_of(record.dagster_run.tags.get(CAUSE, "")) == kind_of(cause)
            and record.create_timestamp.astimezone(UTC) > start
            for record in self.alerts
        )


def folder_tag(folder: DataFolder) -> str:
    """Return what distinguishes the runs on a data folder from others in the same DAGSTER_HOME."""
    place = folder.path if "://" in folder.path else str(Path(folder.path).resolve())
    return hashlib.sha256(place.encode()).hexdigest()[:12]


def read_history(instance: dg.DagsterInstance, run_id: str, folder: str) -> History:
    """Return the history of the runs on a data folder, without the given run.

    Only runs of all assets have the tag if they succeeded: others don't show that all is well.
    """

    def records(status: dg.DagsterRunStatus, after: datetime | None = None) -> list[dg.RunRecord]:
        wanted = dg.RunsFilter(statuses=[status], tags={FOLDER: folder}, created_after=after)
        found = instance.get_run_records(wanted, limit=_RUNS)
        return [record for record in found if record.dagster_run.run_id != run_id]

    good = records(dg.DagsterRunStatus.SUCCESS)
    failures = records(dg.DagsterRunStatus.FAILURE, good[0].create_timestamp if good else None)
    alerts = [record for record in failures if record.dagster_run.tags.get(ALERT) == SENT]
    return History(len(failures), alerts)
