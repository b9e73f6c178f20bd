"""All Dagster definitions, wired in one place.

`build_defs()` reads the settings. Its keyword arguments replace resources, so that tests and
notebooks can run the pipeline on other data.
"""

import atexit
import gc
import warnings
from collections.abc import Sequence
from typing import Any

import dagster as dg

from newsclust_pipeline.defs import assets, automation, evaluation, exports, news_dumps
from newsclust_pipeline.defs.alerts.settings import ALERT_SETTINGS
from newsclust_pipeline.defs.console import make_logs_safe
from newsclust_pipeline.defs.failures import explain_last_error
from newsclust_pipeline.defs.io_managers import (
    CsrIO,
    HistoryIO,
    HtmlIO,
    JsonIO,
    MarkdownIO,
    PageIO,
    ParquetIO,
    SchemaIO,
    StoriesIO,
    StoryFeedsIO,
)
from newsclust_pipeline.defs.keys import key_prefix
from newsclust_pipeline.defs.parameters import schedule_in_force
from newsclust_pipeline.defs.resources import (
    Alerts,
    DataFolder,
    Embedder,
    Engine,
    Feeds,
    Milvus,
    NewsDumps,
    PreviousRun,
    RunGuard,
    Titles,
)
from newsclust_pipeline.defs.settings import setting

# The selection '*' of the command line uses a beta feature of Dagster's own.
warnings.filterwarnings("ignore", message="Parameter `include_sources`", category=dg.BetaWarning)


def build_defs(**overrides: Any) -> dg.Definitions:
    """Return the definitions. Overrides are resources by key, such as `news=NewsDumps(…)`.

    All paths follow from the resource `folder`: `build_defs(folder=DataFolder(path="elsewhere"))`.
    """
    folder = overrides.setdefault(
        "folder",
        DataFolder(path=setting("NEWSCLUST_DATA_DIR"), local_path=setting("NEWSCLUST_LOCAL_DIR")),
    )
    resources = _resources(folder) | _io_managers(folder) | overrides
    resources["guard"] = RunGuard(
        run_wait=setting("NEWSCLUST_RUN_WAIT"),
        keep_runs=setting("NEWSCLUST_KEEP_RUNS"),
        **{
            name: resources[name]
            for name in ("folder", "news", "embedder", "milvus", "alerts", "engine")
        },
    )
    return dg.Definitions(
        assets=[
            news_dumps.news_dumps,
            *dg.load_assets_from_modules(
                [assets, exports, evaluation], key_prefix=key_prefix() or None
            ),
        ],
        jobs=[automation.news_job, automation.sweep_job],
        schedules=[automation.daily_schedule(schedule_in_force()), automation.feeds_schedule],
        sensors=[automation.dump_sensor, automation.failure_sensor],
        resources=resources,
        # One process for all stages: a process each would import NumPy, Arrow, UMAP … seven times.
        executor=dg.in_process_executor,
    )


def _resources(folder: DataFolder) -> dict[str, Any]:
    """Return the resources of the stages, as the settings describe them."""
    return {
        "news": dumps_of_settings(folder),
        "subscriptions": Feeds(
            addresses=setting("NEWSCLUST_FEEDS"),
            allow_private=setting("NEWSCLUST_FEEDS_ALLOW_PRIVATE"),
            user_agent=setting("NEWSCLUST_FEEDS_USER_AGENT"),
            folder=folder,
        ),
        "embedder": Embedder(
            name=setting("NEWSCLUST_EMBEDDER"),
            model=setting("NEWSCLUST_EMBEDDER_MODEL"),
            hub=setting("NEWSCLUST_EMBEDDER_HUB"),
            device=setting("NEWSCLUST_EMBEDDER_DEVICE"),
            dtype=setting("NEWSCLUST_EMBEDDER_DTYPE"),
            prompt=setting("NEWSCLUST_EMBEDDER_PROMPT"),
            batch_size=setting("NEWSCLUST_EMBEDDER_BATCH_SIZE"),
            concurrency=setting("NEWSCLUST_EMBEDDER_CONCURRENCY"),
            base_url=setting("OPENAI_BASE_URL"),
            api_key=setting("OPENAI_API_KEY"),
            cache_days=setting("NEWSCLUST_CACHE_DAYS"),
            folder=folder,
        ),
        "titles": Titles(
            model=setting("NEWSCLUST_TITLES_MODEL"),
            base_url=setting("NEWSCLUST_TITLES_BASE_URL") or setting("OPENAI_BASE_URL"),
            api_key=_titles_key(),
            folder=folder,
        ),
        "milvus": Milvus(
            uri=setting("MILVUS_URI"),
            token=setting("MILVUS_TOKEN"),
            collection=setting("MILVUS_COLLECTION"),
            owner=setting("MILVUS_OWNER"),
            index=setting("MILVUS_INDEX"),
            index_params=setting("MILVUS_INDEX_PARAMS"),
            search=setting("NEWSCLUST_SEARCH"),
            folder=folder,
        ),
        "engine": Engine(cluster=setting("NEWSCLUST_CLUSTER"), folder=folder),
        "previous": PreviousRun(folder=folder),
        "alerts": Alerts(
            **{s.parameter.removeprefix("alerts."): setting(s.name) for s in ALERT_SETTINGS}
        ),
    }


def _io_managers(folder: DataFolder) -> dict[str, Any]:
    """Return the IO managers, which write to the data folder."""
    data_url = setting("NEWSCLUST_DATA_URL")
    return {
        "parquet_io": ParquetIO(folder=folder),
        "schema_io": SchemaIO(folder=folder),
        "csr_io": CsrIO(folder=folder),
        "json_io": JsonIO(folder=folder),
        "html_io": HtmlIO(folder=folder, data_url=data_url),
        "history_io": HistoryIO(folder=folder),
        "page_io": PageIO(folder=folder, data_url=data_url),
        "stories_io": StoriesIO(folder=folder),
        "story_feeds_io": StoryFeedsIO(folder=folder),
        "markdown_io": MarkdownIO(folder=folder, data_url=data_url),
    }


def dumps_of_settings(folder: DataFolder, more: Sequence[str] = ()) -> NewsDumps:
    """Return the dumps and feeds that the settings name.

    Args:
        folder: the data folder.
        more: dumps besides the one of NEWSCLUST_NEWS.
    """
    path = folder.path.get_value() if isinstance(folder.path, dg.EnvVar) else folder.path
    return NewsDumps(
        path=setting("NEWSCLUST_NEWS"),
        more=list(more),
        landing=f"{(path or 'data').rstrip('/')}/feeds" if setting("NEWSCLUST_FEEDS") else "",
        columns=setting("NEWSCLUST_COLUMNS"),
        date_order=setting("NEWSCLUST_DATE_ORDER"),
    )


def _titles_key() -> Any:
    """Return a reference to the key of the titles' service. OpenAI's key is for OpenAI only."""
    shared = "" if setting("NEWSCLUST_TITLES_BASE_URL") else setting("OPENAI_API_KEY")
    return setting("NEWSCLUST_TITLES_API_KEY") or shared


# An error of Dagster itself, such as records that can't be written, ends in a plain line, too.
atexit.register(explain_last_error)
make_logs_safe()
defs = build_defs()
# Modules and definitions last as long as the process. Garbage collections that pass over them save
# half a second of a run in which nothing is new.
gc.freeze()
