"""The configuration file `newsclust.toml`: the defaults of all parameters, for every way to run.

    [hdbscan_labels]
    min_samples = 8

    [schedule]
    cron = "0 * * * *"
    time_zone = "Europe/Berlin"

A table per asset has its parameters. Run config overrides the file for one run. The file is that
which NEWSCLUST_CONFIG names, else `newsclust.toml` in the working directory, if it exists.
"""

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.locations import require_path

DEFAULT = "newsclust.toml"


class ConfigFile(NamedTuple):
    """The content of the configuration file.

    Attributes:
        path: the file; None if there is none.
        tables: its tables by name.
        problem: why the file can't be used; empty if it can.
    """

    path: Path | None
    tables: Mapping[str, Any]
    problem: str = ""


@cache
def config_file() -> ConfigFile:
    """Return the configuration file. It is read once in a process."""
    named = os.environ.get("NEWSCLUST_CONFIG")
    try:
        path = require_path(named or DEFAULT, "config_file")
    except SettingError as error:
        return ConfigFile(None, {}, str(error))
    return read_config(path, required=bool(named))


def read_config(path: Path, *, required: bool) -> ConfigFile:
    """Read a configuration file; one that is required but missing is a problem."""
    if not required and not path.exists():
        return ConfigFile(None, {})
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ConfigFile(path, {}, f"{path}: no such file. Correct or unset NEWSCLUST_CONFIG.")
    except (OSError, ValueError) as error:
        return ConfigFile(path, {}, f"{path}: can't be read ({error}). Correct the file.")
    values = [name for name, table in tables.items() if not isinstance(table, dict)]
    if values:
        text = f"{path}: {values[0]} is in no table. Put it under a line such as [hdbscan_labels]."
        return ConfigFile(path, {}, text)
    return ConfigFile(path, tables)
