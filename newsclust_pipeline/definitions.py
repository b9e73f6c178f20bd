"""Everything that Dagster must know, wired in one place.

`build_defs()` reads the settings; keyword arguments put other resources in their places, which is
how tests and notebooks run the pipeline on data of their own.
"""

import os
from typing import Any

import dagster as dg

from newsclust_pipeline.defs import assets, automation, checks
from newsclust_pipeline.defs.io_managers import (
    CsrIO,
    HistoryIO,
    HtmlIO,
    JsonIO,
    MarkdownIO,
    PageIO,
    ParquetIO,
    StoriesIO,
)
from newsclust_pipeline.defs.resources import Embedder, Milvus, NewsDumps, StoryHistory, Titles


def build_defs(**overrides: Any) -> dg.Definitions:
    """Build the definitions. Overrides are resources by key, such as `news=NewsDumps(…)`."""
    data_dir = _setting("NEWSCLUST_DATA_DIR", "data")
    resources = {
        "news": NewsDumps(path=_setting("NEWSCLUST_NEWS"), data_dir=data_dir),
        "embedder": Embedder(
            name=_setting("NEWSCLUST_EMBEDDER", "minilm"),
            model=_setting("NEWSCLUST_EMBEDDER_MODEL"),
            device=_setting("NEWSCLUST_EMBEDDER_DEVICE", "cpu"),
            dtype=_setting("NEWSCLUST_EMBEDDER_DTYPE", "float32"),
            prompt=_setting("NEWSCLUST_EMBEDDER_PROMPT"),
            batch_size=_setting("NEWSCLUST_EMBEDDER_BATCH_SIZE"),
            concurrency=_setting("NEWSCLUST_EMBEDDER_CONCURRENCY", "4"),
            base_url=_setting("OPENAI_BASE_URL"),
            api_key=_setting("OPENAI_API_KEY"),
            cache_days=_setting("NEWSCLUST_CACHE_DAYS", "90"),
            data_dir=data_dir,
        ),
        "titles": Titles(
            model=_setting("NEWSCLUST_TITLES_MODEL"),
            base_url=_setting("NEWSCLUST_TITLES_BASE_URL") or _setting("OPENAI_BASE_URL"),
            api_key=_titles_key(),
            data_dir=data_dir,
        ),
        "milvus": Milvus(
            uri=_setting("MILVUS_URI"),
            token=_setting("MILVUS_TOKEN"),
            collection=_setting("MILVUS_COLLECTION", "news_data"),
            index=_setting("MILVUS_INDEX"),
            index_params=_setting("MILVUS_INDEX_PARAMS"),
            search=_setting("NEWSCLUST_SEARCH", "auto"),
            data_dir=data_dir,
        ),
        "history": StoryHistory(data_dir=data_dir),
        "parquet_io": ParquetIO(data_dir=data_dir),
        "csr_io": CsrIO(data_dir=data_dir),
        "json_io": JsonIO(data_dir=data_dir),
        "html_io": HtmlIO(data_dir=data_dir, data_url=_setting("NEWSCLUST_DATA_URL")),
        "history_io": HistoryIO(data_dir=data_dir),
        "page_io": PageIO(data_dir=data_dir, data_url=_setting("NEWSCLUST_DATA_URL")),
        "stories_io": StoriesIO(data_dir=data_dir),
        "markdown_io": MarkdownIO(data_dir=data_dir, data_url=_setting("NEWSCLUST_DATA_URL")),
    }
    return dg.Definitions(
        assets=assets.PIPELINE,
        asset_checks=checks.CHECKS,
        jobs=[automation.news_job, automation.sweep_job],
        schedules=[automation.daily_schedule],
        sensors=[automation.dump_sensor],
        resources=resources | overrides,
        # One process for all stages: a process each would import NumPy, Arrow, UMAP … seven times.
        executor=dg.in_process_executor,
    )


def _titles_key() -> Any:
    """Refer to the key of the titles' service. That of OpenAI goes to no other service."""
    shared = "" if _setting("NEWSCLUST_TITLES_BASE_URL") else _setting("OPENAI_API_KEY")
    return _setting("NEWSCLUST_TITLES_API_KEY") or shared


def _setting(name: str, default: str = "") -> Any:
    """Refer to an environment variable; an unset or empty one gives the default.

    A reference shows as its name in the UI, so a token's value never does.
    """
    return dg.EnvVar(name) if os.environ.get(name) else default


defs = build_defs()
