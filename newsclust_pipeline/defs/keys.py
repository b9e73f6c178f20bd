"""The keys of the assets: their names below an optional prefix."""

import os
import re
from functools import cache

import dagster as dg

PREFIX_SETTING = "NEWSCLUST_KEY_PREFIX"
_VALID = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*")


@cache
def key_prefix() -> list[str]:
    """Return the prefix of all keys, such as ["team", "news"]. It is read once in a process.

    One that can't be used is none: every run then fails, and says why. See `prefix_problems`.
    """
    text = os.environ.get(PREFIX_SETTING, "")
    return text.split("/") if _VALID.fullmatch(text) else []


def prefix_problems() -> list[str]:
    """Return what is wrong with the prefix."""
    text = os.environ.get(PREFIX_SETTING, "")
    if not text or _VALID.fullmatch(text):
        return []
    return [f"{PREFIX_SETTING}={text}: must be letters, digits and _, parts separated by /."]


def asset_key(name: str) -> dg.AssetKey:
    """Return the key of an asset."""
    return dg.AssetKey([*key_prefix(), name])
