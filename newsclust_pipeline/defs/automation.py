"""Jobs, schedules and the sensor: when the pipeline runs by itself."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping

import dagster as dg

from newsclust_pipeline.core.locations import Location, address_of, name_of
from newsclust_pipeline.defs.cause import Cause, cause_of
from newsclust_pipeline.defs.keys import asset_key
from newsclust_pipeline.defs.parameters import DEFAULT_SCHEDULE, schedule_problems
from newsclust_pipeline.defs.resources import Alerts, DataFolder, NewsDumps
from newsclust_pipeline.defs.run_end import after_failure
from newsclust_pipeline.ingest.discover import is_dump, list_infos

# A file that changed less than this long ago may not be complete.
SETTLE_SECONDS = 30

news_job = dg.define_asset_job(
    "news_to_stories",
    selection=dg.AssetSelection.all(),
    description="From the dumps to the map.",
)

sweep_job = dg.define_asset_job(
    "sweep_parameters",
    selection=dg.AssetSelection.assets(*map(asset_key, ("parameter_sweep", "parameter_plot"))),
    description="Parameters of the clustering for these documents, ranked without gold labels.",
)


def daily_schedule(schedule: Mapping[str, str]) -> dg.ScheduleDefinition:
    """Return the schedule. It also repeats what failed.

    Args:
        schedule: `cron` and `time_zone`. Where they are invalid, the defaults are used: every run
            then fails, and says what is wrong with them.
    """
    valid = DEFAULT_SCHEDULE | ({} if schedule_problems(schedule, "") else dict(schedule))
    return dg.ScheduleDefinition(
        name="daily",
        job=news_job,
        cron_schedule=valid["cron"],
        execution_timezone=valid["time_zone"],
        description="Runs at fixed times, whether anything has changed or not.",
    )


feeds_schedule = dg.ScheduleDefinition(
    name="feeds",
    job=news_job,
    cron_schedule="*/30 * * * *",
    execution_timezone="UTC",
    description="Every 30 minutes: fetches the feeds that are due, and what follows from them.",
)


@dg.sensor(
    name="dump_sensor",
    job=news_job,
    minimum_interval_seconds=60,
    description="One run whenever dumps were added, changed or removed, half a minute later.",
)
def dump_sensor(
    context: dg.SensorEvaluationContext, news: NewsDumps
) -> dg.SensorResult | dg.SkipReason:
    """Request a run when dumps were added, changed or removed, once no file changes any more.

    There is no run key: with one, a dump that is corrected under its old name would be ignored.
    """
    dumps = list(manifest(news.location))
    unsettled = [name for name, _, time_ns, _ in dumps if _changed_just_now(time_ns)]
    if unsettled:
        return dg.SkipReason(f"{unsettled[0]}: changed less than {SETTLE_SECONDS} s ago")
    cursor = hashlib.sha256(json.dumps(dumps).encode()).hexdigest()
    if not dumps or cursor == context.cursor:
        return dg.SkipReason(f"{address_of(news.location)}: nothing new in {len(dumps)} dumps")
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=cursor)


@dg.run_failure_sensor(
    name="failure_sensor",
    default_status=dg.DefaultSensorStatus.RUNNING,  # it starts nothing and costs nothing
    description="Records why a run failed, and alerts, where the run's process could not do it.",
)
def failure_sensor(context: dg.RunFailureSensorContext, alerts: Alerts, folder: DataFolder) -> None:
    """Do for a run whose process has died what the guard does for others; see `defs.run_end`."""
    run = context.dagster_run
    found = cause_of(context.instance, run.run_id) or Cause(context.failure_event.message or "")
    cause = found._replace(is_interruption=False)  # nobody has asked for the end of this run
    after_failure(context.instance, run, cause, alerts, folder, context.log.warning)


def manifest(location: Location) -> Iterator[tuple[str, int, int, str]]:
    """Yield name, size in bytes, time in nanoseconds and version of all dumps at a place."""
    for info in list_infos(location):
        if is_dump(info.location):
            yield name_of(info.location), info.size, info.time_ns, info.version


def _changed_just_now(time_ns: int) -> bool:
    """Return True if a file may still be written to. A time far in the future is a wrong clock."""
    return abs(time.time() - time_ns / 1e9) < SETTLE_SECONDS
