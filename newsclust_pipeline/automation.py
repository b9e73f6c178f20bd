"""When the pipeline runs by itself: daily, and when the dumps have changed."""

import hashlib
import json
import time
from pathlib import Path

import dagster as dg

from newsclust_pipeline.resources import NewsDumps
from newsclust_pipeline.stages.dumps import list_files

# A file that changed less than this long ago may still be being written.
SETTLE_SECONDS = 30

news_job = dg.define_asset_job(
    "news_to_stories",
    selection=dg.AssetSelection.all(),
    description="From the dumps to the map.",
)

sweep_job = dg.define_asset_job(
    "sweep_parameters",
    selection=dg.AssetSelection.assets("parameter_sweep", "parameter_plot"),
    description="Which parameters of HDBSCAN suit the documents at hand, judged without labels.",
)

# Also runs what failed when the sensor asked for it: a change is asked for once.
daily_schedule = dg.ScheduleDefinition(
    name="daily", job=news_job, cron_schedule="0 6 * * *", execution_timezone="UTC"
)


@dg.sensor(name="dump_sensor", job=news_job, minimum_interval_seconds=60)
def dump_sensor(
    context: dg.SensorEvaluationContext, news: NewsDumps
) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run when dumps came, changed or went, once they have settled.

    There is no run key: it would ignore a dump that is corrected under its old name, for ever.
    """
    files = [(path, path.stat()) for path in list_files(news.location)]
    newest = max((stat.st_mtime for _, stat in files), default=0.0)
    if time.time() - newest < SETTLE_SECONDS:
        return dg.SkipReason(f"{news.location}: changed less than {SETTLE_SECONDS} s ago")
    manifest = digest([(path, stat.st_size, stat.st_mtime_ns) for path, stat in files])
    if not files or manifest == context.cursor:
        return dg.SkipReason(f"{news.location}: nothing new in {len(files)} files")
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=manifest)


def digest(files: list[tuple[Path, int, int]]) -> str:
    """Give the digest of a folder's files: names, sizes in bytes, times in nanoseconds."""
    content = json.dumps([(path.name, size, time_ns) for path, size, time_ns in files])
    return hashlib.sha256(content.encode()).hexdigest()
