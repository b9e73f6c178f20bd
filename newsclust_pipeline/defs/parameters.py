"""Parameters from the configuration file and the run config: defaults, and what is wrong."""

import os
from collections.abc import Mapping
from copy import copy
from typing import Any
from zoneinfo import available_timezones

import dagster as dg
from dagster_shared.check import CheckError
from pydantic import ValidationError, create_model

from newsclust_pipeline.defs.config import (
    ArticlesConfig,
    EmbeddingsConfig,
    FeedsConfig,
    HdbscanConfig,
    KnnConfig,
    QualityConfig,
    StoriesConfig,
    TimeConfig,
    UmapConfig,
)
from newsclust_pipeline.defs.config_file import ConfigFile, config_file

CONFIGS: dict[str, type[dg.Config]] = {
    "feeds": FeedsConfig,
    "raw_news": ArticlesConfig,
    "embeddings": EmbeddingsConfig,
    "knn_distance_matrix": KnnConfig,
    "hdbscan_labels": HdbscanConfig,
    "stories": StoriesConfig,
    "umap_projection": UmapConfig,
    "parameter_sweep": TimeConfig,
    "story_quality": QualityConfig,
}


DEFAULT_SCHEDULE = {"cron": "0 6 * * *", "time_zone": "UTC"}


def problems_of(parameters: Mapping[str, Any], asset: str, where: str) -> list[str]:
    """Return what is wrong with an asset's parameters, one sentence each.

    Args:
        parameters: by name.
        asset: name of the asset.
        where: where the parameters stand, such as "the run config of hdbscan_labels".
    """
    known = CONFIGS[asset].model_fields if asset in CONFIGS else {}
    unknown = [name for name in parameters if name not in known]
    if unknown:
        return [f"{unknown[0]} in {where}: no such parameter. Known are: {', '.join(known)}."]
    try:
        CONFIGS[asset](**parameters)
    except ValidationError as error:
        return [
            f"{e['loc'][0] if e['loc'] else 'config'}={e['input']} in {where}: {e['msg']}."
            for e in error.errors()
        ]
    return []


def file_problems(file: ConfigFile) -> list[str]:
    """Return what is wrong with a configuration file, one sentence each."""
    if file.problem:
        return [file.problem]
    problems = []
    for name, table in file.tables.items():
        if name == "schedule":
            problems += schedule_problems(table, f"{file.path}, [schedule]")
        elif name in CONFIGS:
            problems += problems_of(table, name, f"{file.path}, [{name}]")
        else:
            known = ", ".join(f"[{table}]" for table in (*CONFIGS, "schedule"))
            problems.append(f"{file.path}: no such table: [{name}]. Known are: {known}.")
    return problems


def configured(config: type[dg.Config], asset: str, file: ConfigFile) -> type[dg.Config]:
    """Return a config class whose defaults are those of the configuration file.

    A table with a problem leaves the defaults as they are; every run then fails, and says why.
    """
    table = file.tables.get(asset, {})
    if not table or problems_of(table, asset, ""):
        return config
    values = config(**table)
    fields: dict[str, Any] = {}
    for name in table:
        field = copy(config.model_fields[name])
        field.default = getattr(values, name)
        fields[name] = (field.annotation, field)
    return create_model(config.__name__, __base__=config, __module__=config.__module__, **fields)


def schedule_in_force() -> dict[str, str]:
    """Return cron and time zone: of the settings, else of the configuration file."""
    settings = {
        "cron": os.environ.get("NEWSCLUST_SCHEDULE"),
        "time_zone": os.environ.get("NEWSCLUST_TIME_ZONE"),
    }
    table = config_file().tables.get("schedule", {})
    return {**table, **{name: value for name, value in settings.items() if value}}


def _is_cron(text: object) -> bool:
    try:
        dg.ScheduleDefinition(name="check", job_name="check", cron_schedule=text)  # type: ignore[arg-type]
    except (dg.DagsterInvalidDefinitionError, CheckError):
        return False
    return True


def schedule_problems(schedule: Mapping[str, Any], where: str) -> list[str]:
    """Return what is wrong with the schedule, one sentence each."""
    problems = [
        f"{name} in {where}: no such parameter. Known are: cron, time_zone."
        for name in schedule
        if name not in DEFAULT_SCHEDULE
    ]
    cron, zone = (schedule.get(name, default) for name, default in DEFAULT_SCHEDULE.items())
    if not _is_cron(cron):
        problems.append(f"cron={cron} in {where}: not a cron expression. Example: 0 6 * * *")
    if zone not in available_timezones():
        problems.append(f"time_zone={zone} in {where}: no such time zone. Example: Europe/Berlin")
    return problems
