"""All settings. `docs/settings.md` and `.env.example` are generated from this table."""

import os
import re
from typing import Any

import dagster as dg

from newsclust_pipeline.defs.alerts.settings import ALERT_SETTINGS
from newsclust_pipeline.defs.setting import Setting

SETTINGS = (
    Setting(
        "NEWSCLUST_NEWS",
        "news.path",
        "A dump, or a folder of dumps: a path, or an address such as `s3://bucket/news`. See "
        "[Inputs](inputs.md) and [Object stores](storage.md).",
        shown="the bundled sample",
    ),
    Setting(
        "NEWSCLUST_COLUMNS",
        "news.columns",
        'A JSON object, field → column or path, over the guess: `{"title": "headline.main"}`. See '
        "[Inputs](inputs.md#columns).",
        shown="unset",
    ),
    Setting(
        "NEWSCLUST_DATE_ORDER",
        "news.date_order",
        "The order of dates such as 03/06/2024 in a dump whose rows don't decide it: `auto` (month "
        "first, with a warning), `dmy`, `mdy`.",
        "auto",
    ),
    Setting(
        "NEWSCLUST_FEEDS",
        "feeds.addresses",
        "Feeds to follow, beside or instead of dumps: an OPML file, a text file with one address a "
        "line, or addresses separated by commas. See [Feeds](feeds.md).",
        shown="unset",
    ),
    Setting(
        "NEWSCLUST_FEEDS_ALLOW_PRIVATE",
        "feeds.allow_private",
        "Whether feeds on private networks and on this machine may be read: `0` or `1`.",
        "0",
    ),
    Setting(
        "NEWSCLUST_FEEDS_USER_AGENT",
        "feeds.user_agent",
        "How requests name their sender. Name yourself and how to reach you.",
        shown="this package, its version and its address",
    ),
    Setting(
        "NEWSCLUST_DATA_DIR",
        "data_dir",
        "The folder in which every stage is persisted: a path, or an address such as "
        "`s3://bucket/news`. See [Object stores](storage.md).",
        "data",
    ),
    Setting(
        "NEWSCLUST_LOCAL_DIR",
        "local_dir",
        "Where a run whose data folder is in an object store keeps what must be on this machine, "
        "in a folder per address. See [Object stores](storage.md#local-folder).",
        shown="`~/.cache/newsclust_pipeline`",
    ),
    Setting(
        "NEWSCLUST_CONFIG",
        "config_file",
        "A file with the parameters of all assets and the schedule, for every way to run. See "
        "[Configuration file](operations.md#configuration-file).",
        shown="`newsclust.toml`, if it exists",
    ),
    Setting(
        "NEWSCLUST_KEY_PREFIX",
        "key_prefix",
        "What precedes the keys of all assets, such as `team/news`, where one Dagster shows "
        "several projects. Files keep their names.",
        shown="none",
    ),
    Setting(
        "NEWSCLUST_SCHEDULE",
        "schedule.cron",
        "The cron expression of the schedule `daily`.",
        shown="`0 6 * * *`",
    ),
    Setting(
        "NEWSCLUST_TIME_ZONE",
        "schedule.time_zone",
        "The time zone of that schedule, such as `Europe/Berlin`.",
        shown="`UTC`",
    ),
    Setting(
        "NEWSCLUST_RUN_WAIT",
        "run_wait",
        "Seconds that a run waits for another run on the same data folder.",
        "600",
    ),
    Setting(
        "NEWSCLUST_CLUSTER",
        "engine.cluster",
        "Where large stages run: `local:4` starts 4 worker processes on this machine, "
        "`tcp://host:8786` or `tls://…` is a Dask scheduler. See [Scaling](scaling.md#workers).",
        shown="unset: in the run's own process",
    ),
    Setting(
        "NEWSCLUST_KEEP_RUNS",
        "keep_runs",
        "Runs that Dagster remembers; older ones are forgotten. 0 keeps all. A run takes about a "
        "megabyte in `DAGSTER_HOME`.",
        "500",
    ),
    Setting(
        "NEWSCLUST_DATA_URL",
        "data_url",
        "The address at which you serve that folder over HTTP, if you do. The UI then links to "
        "the map.",
        shown="unset",
    ),
    Setting(
        "NEWSCLUST_EMBEDDER",
        "embedder.name",
        "The embedder: `auto` (`minilm` for English, otherwise `e5`), `minilm`, `e5`, `bge-m3`, "
        "`openai`, `sentence-transformers`. See [Embedders](embedders.md).",
        "auto",
    ),
    Setting(
        "NEWSCLUST_EMBEDDER_MODEL",
        "embedder.model",
        "The model: a hub id or a local folder; for `openai`, the service's name of the model.",
        shown="the embedder's own",
    ),
    Setting(
        "NEWSCLUST_EMBEDDER_HUB",
        "embedder.hub",
        "The hub from which `bge-m3` and `sentence-transformers` download a model: `huggingface`, "
        "`modelscope`.",
        "huggingface",
    ),
    Setting(
        "NEWSCLUST_EMBEDDER_DEVICE",
        "embedder.device",
        "The device that runs the model: `cpu`, `cuda`, `cuda:0`, `mps`.",
        "cpu",
    ),
    Setting(
        "NEWSCLUST_EMBEDDER_DTYPE",
        "embedder.dtype",
        "The model's number format: `float32`, `float16`, `bfloat16`.",
        "float32",
    ),
    Setting(
        "NEWSCLUST_EMBEDDER_PROMPT",
        "embedder.prompt",
        'A prefix of every text, which E5 (`"passage: "`) and Qwen models expect. Quote it: '
        "spaces at its end count.",
        shown="none",
    ),
    Setting(
        "NEWSCLUST_EMBEDDER_BATCH_SIZE",
        "embedder.batch_size",
        "Texts per batch.",
        shown="the embedder's own",
    ),
    Setting(
        "NEWSCLUST_EMBEDDER_CONCURRENCY",
        "embedder.concurrency",
        "Requests at the same time, for `openai`.",
        "4",
    ),
    Setting(
        "OPENAI_BASE_URL",
        "embedder.base_url",
        "The OpenAI-compatible endpoint for `openai`.",
        shown="OpenAI's own",
    ),
    Setting(
        "OPENAI_API_KEY",
        "embedder.api_key",
        "The endpoint's key. Never logged or stored.",
        shown="unset",
        is_secret=True,
    ),
    Setting(
        "NEWSCLUST_TITLES_MODEL",
        "titles.model",
        "A language model that names the stories. See [Stories](stories.md#title-and-keywords).",
        shown="unset: headlines",
    ),
    Setting(
        "NEWSCLUST_TITLES_BASE_URL",
        "titles.base_url",
        "The OpenAI-compatible endpoint of that model.",
        shown="`OPENAI_BASE_URL`",
    ),
    Setting(
        "NEWSCLUST_TITLES_API_KEY",
        "titles.api_key",
        "The key of that endpoint. Never logged or stored.",
        shown="`OPENAI_API_KEY`, for the same endpoint only",
        is_secret=True,
    ),
    Setting(
        "NEWSCLUST_CACHE_DAYS",
        "embedder.cache_days",
        "Days after which vectors that no run used leave the cache. 0 keeps them for ever.",
        "90",
    ),
    Setting(
        "MILVUS_URI",
        "milvus.uri",
        "A file means Milvus Lite; `http(s)://…` means a Milvus server, a cluster or Zilliz Cloud. "
        "See [Scaling](scaling.md).",
        shown="`<data dir>/milvus.db`",
    ),
    Setting(
        "MILVUS_TOKEN",
        "milvus.token",
        "The server's token, or `user:password`. Never logged or stored.",
        shown="unset",
        is_secret=True,
    ),
    Setting(
        "MILVUS_COLLECTION",
        "milvus.collection",
        "The collection's name: an alias of the collection of the embedder in use.",
        "news_data",
    ),
    Setting(
        "MILVUS_OWNER",
        "milvus.owner",
        "The owner of the collection, which the collection records. Set it where the data folder "
        "doesn't outlive a run, or has lost its id. See [Operations](operations.md).",
        shown="the data folder's own id",
    ),
    Setting(
        "MILVUS_INDEX",
        "milvus.index",
        "The index: `FLAT` (exact), `IVF_FLAT`, `HNSW`, `AUTOINDEX` (approximate). See "
        "[Search](search.md).",
        shown="by size",
    ),
    Setting(
        "MILVUS_INDEX_PARAMS",
        "milvus.index_params",
        "The index's parameters as a JSON object: `nlist`, `nprobe` of `IVF_FLAT`; `M`, "
        "`efConstruction`, `ef` of `HNSW`.",
        shown="by index",
    ),
    Setting(
        "NEWSCLUST_SEARCH",
        "milvus.search",
        "Who searches the neighbours: `milvus`, or `faiss` on the vectors of Milvus Lite.",
        "auto",
    ),
    *ALERT_SETTINGS,
)
# Assets with parameters in the run config.
RUN_CONFIG = frozenset({
    "feeds", "raw_news", "embeddings", "knn_distance_matrix", "hdbscan_labels", "stories",
    "umap_projection", "parameter_sweep", "story_quality",
})  # fmt: skip
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_NAMES = {setting.parameter: setting.name for setting in SETTINGS}


def value_of(name: str) -> str:
    """Return the value of a setting in force.

    Raises:
        KeyError: `SETTINGS` does not list the name.
    """
    return os.environ.get(name) or _BY_NAME[name].default


def setting(name: str) -> Any:
    """Return a reference to an environment variable, or its default if it is unset or empty.

    The UI shows a reference as the variable's name, so it never shows a token.

    Raises:
        KeyError: `SETTINGS` does not list the name.
    """
    default = _BY_NAME[name].default
    return dg.EnvVar(name) if os.environ.get(name) else default


def name_settings(message: str) -> str:
    """Return a message with its references to parameters replaced by the names of settings.

    >>> name_settings("Set `embedder.model` to a folder.")
    'Set NEWSCLUST_EMBEDDER_MODEL to a folder.'
    >>> name_settings("Correct `raw_news.gold_column`.")
    'Correct gold_column in the run config of raw_news.'
    """

    def worded(found: re.Match[str]) -> str:
        asset, _, parameter = found[1].partition(".")
        if asset in RUN_CONFIG and found[1] not in _NAMES:
            return f"{parameter} in the run config of {asset}"
        return _NAMES.get(found[1], found[0])

    return re.sub(r"`([a-z_.]+)`", worded, message)
