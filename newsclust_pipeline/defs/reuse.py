"""Reuse the last output of a stage whose inputs, configuration and code are unchanged.

Dagster records what this takes with every materialisation: the code version, the data versions of
the inputs, and a tag with the digest of the configuration. Only the content of the file to be
reused is read and compared with its data version.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from newsclust_pipeline.defs.config import plain
from newsclust_pipeline.defs.data_version import digest
from newsclust_pipeline.defs.inputs import Record, last_record
from newsclust_pipeline.defs.io_managers import AtomicFileIO
from newsclust_pipeline.defs.keys import asset_key

CONFIGURATION = "newsclust/configuration"  # tag with the digest of what else a stage depends on
_WRITTEN = {"path", "bytes"}  # metadata that IO managers add


@dataclass(frozen=True)
class Result:
    """A value of a stage, and the figures that the UI shows of it.

    Attributes:
        value: to be written.
        figures: what the UI shows.
        version: the data version, if it is not the digest of the value.
    """

    value: Any
    figures: dict[str, Any]
    version: str = ""


@dataclass(frozen=True)
class Reuse:
    """What a stage depends on besides its inputs, its configuration and its code.

    Attributes:
        reads: returns a digest of what the stage reads elsewhere; takes the stage's arguments.
        valid: returns whether the last value would be computed again, as far as inputs and `reads`
            don't decide that; takes the last value, then the stage's arguments.
        figures: returns the figures that compare with the last value; arguments as of `valid`.
    """

    reads: Callable[..., str] = lambda **_: ""
    valid: Callable[..., bool] = lambda *_, **__: True
    figures: Callable[..., dict[str, float]] = lambda *_, **__: {}


def configuration_digest(arguments: Mapping[str, Any], reuse: Reuse) -> str:
    """Return a digest of a stage's configuration and of what it reads elsewhere."""
    config = {k: plain(value) for k, value in arguments.items() if isinstance(value, dg.Config)}
    return digest([config, reuse.reads(**arguments)])[:32]


def last_results(
    context: dg.AssetExecutionContext, names: Sequence[str], io: str, tags: Mapping[str, str]
) -> dict[str, Result] | None:
    """Return the last results if the stage would compute them again; else None."""
    files: AtomicFileIO = getattr(context.resources, io)
    results = {}
    for name in names:
        record = _unchanged(context, asset_key(name), tags)
        value = files.last(name) if record else None
        if record is None or value is None or digest(value) != record.version:
            return None
        figures = {k: v for k, v in record.event.metadata.items() if k not in _WRITTEN}
        results[name] = Result(value, figures)
    return results


def _unchanged(
    context: dg.AssetExecutionContext, key: dg.AssetKey, tags: Mapping[str, str]
) -> Record | None:
    """Return an asset's last record if inputs, configuration and code are the same."""
    record = last_record(context.instance, context.run.run_id, key)
    provenance = context.get_asset_provenance(key)
    if record is None or provenance is None or tags.items() - (record.event.tags or {}).items():
        return None
    if provenance.code_version != context.assets_def.code_versions_by_key[key]:
        return None
    for upstream, version in record.inputs.items():
        if upstream == asset_key("news_dumps"):  # what raw_news reads decides; see `Reuse.reads`
            continue
        current = last_record(context.instance, context.run.run_id, upstream)
        if current is None or current.version != version:
            return None
    return record
