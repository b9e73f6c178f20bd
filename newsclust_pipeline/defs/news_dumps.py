"""The asset `news_dumps`: the dumps as they were seen last, and what has changed in them since.

Every run observes them before its first stage, so `raw_news` depends on a recorded version of them;
the button *Observe* of the UI does it between two runs. A dump counts as changed if its bytes have.
"""

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import dagster as dg

from newsclust_pipeline.defs.keys import asset_key
from newsclust_pipeline.defs.resources.news import NewsDumps

NAME = "news_dumps"
RUN_TAG = "newsclust/dumps"
_CONTENTS = "contents"  # metadata: the digest of every dump by its name
_FIRST, _NONE = "unknown: there is nothing to compare with", "none"
_SHOWN = 10  # names that are shown of every kind of change
_MAX_LISTED = 2_000  # dumps whose digests are recorded; changes of further dumps are not named


class Changes(NamedTuple):
    """Names of dumps.

    Attributes:
        new: those that were not there before.
        changed: those with another content.
        removed: those that are not there any more.
    """

    new: list[str]
    changed: list[str]
    removed: list[str]


with warnings.catch_warnings():
    warnings.simplefilter("ignore", dg.BetaWarning)

    @dg.observable_source_asset(
        key=asset_key(NAME),
        group_name="news",
        tags={"dagster/kind/file": ""},
        description="The dumps of NEWSCLUST_NEWS, as they were seen last.",
    )
    def news_dumps(context: dg.OpExecutionContext, news: NewsDumps) -> dg.ObserveResult:
        """Look at the dumps; see `observation`."""
        seen = observation(context.instance, news)
        version = dg.DataVersion(str(seen.tags["dagster/data_version"]))
        return dg.ObserveResult(data_version=version, metadata=seen.metadata, tags=seen.tags)


def observe(instance: dg.DagsterInstance, run_id: str, news: NewsDumps) -> None:
    """Record the dumps as a run finds them, and tag the run with what has changed in them."""
    seen = observation(instance, news)
    instance.report_runless_asset_event(seen)
    text = str(seen.metadata["changes"].value)
    if text not in {_FIRST, _NONE}:
        instance.add_run_tags(run_id, {RUN_TAG: text})


def observation(instance: dg.DagsterInstance, news: NewsDumps) -> dg.AssetObservation:
    """Return the dumps as they are: their version, their number, what has changed."""
    dumps = _by_name(news.contents())
    last = _last_contents(instance)
    changes = compare(last, dumps) if last is not None else None
    version = sha256(json.dumps(sorted(dumps.items())).encode()).hexdigest()
    metadata: dict[str, Any] = {"news": news.name, "dumps": len(dumps), "changes": _FIRST}
    if changes is not None:
        metadata |= {f"dumps_{kind}": len(names) for kind, names in changes._asdict().items()}
        metadata["changes"] = describe(changes) or _NONE
    if len(dumps) <= _MAX_LISTED:
        metadata[_CONTENTS] = dg.MetadataValue.json(dumps)
    tags = {"dagster/data_version": version} | (file_tags(changes) if changes else {})
    return dg.AssetObservation(asset_key(NAME), metadata=metadata, tags=tags)


def compare(before: Mapping[str, str], now: Mapping[str, str]) -> Changes:
    """Return what has changed between two states, each a mapping from name to digest."""
    both = before.keys() & now.keys()
    return Changes(
        new=sorted(now.keys() - before.keys()),
        changed=sorted(name for name in both if before[name] != now[name]),
        removed=sorted(before.keys() - now.keys()),
    )


def describe(changes: Changes) -> str:
    """Return changes in one line; empty if there are none.

    >>> describe(Changes(["a.csv"], [], ["b.csv", "c.csv"]))
    'new: a.csv; removed: b.csv, c.csv'
    """
    return "; ".join(
        f"{kind}: {_listed(names)}" for kind, names in changes._asdict().items() if names
    )


def file_tags(changes: Changes) -> dict[str, str]:
    """Return one tag per dump, from its name to what happened to it; see `_SHOWN`."""
    return {
        f"newsclust/{_tag_name(name)}": kind
        for kind, names in changes._asdict().items()
        for name in names[:_SHOWN]
    }


def _by_name(contents: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the digests by name, shortened; dumps of one name in several places count as one."""
    by_name: dict[str, str] = {}
    for name, digest in contents:
        joined = by_name.get(name, "") + digest
        by_name[name] = (
            digest[:16] if joined == digest else sha256(joined.encode()).hexdigest()[:16]
        )
    return by_name


def _last_contents(instance: dg.DagsterInstance) -> Mapping[str, str] | None:
    """Return the dumps as they were seen last; None if they never were, or were too many."""
    records = instance.fetch_observations(asset_key(NAME), limit=1).records
    seen = records[0].asset_observation if records else None
    value = seen.metadata.get(_CONTENTS) if seen else None
    return value.value if value else None  # type: ignore[return-value]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else shown


def _tag_name(name: str) -> str:
    """Return a name with the characters that Dagster allows in the name of a tag."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[-63:].strip("._-") or "_"
