"""Do the inputs of a stage belong together?

A stage that is materialised alone may find inputs of several runs: articles of today and labels of
yesterday. Dagster recorded from which versions of its own inputs every asset was made, so an input
that was made from other versions than the current ones is refused. Where nothing was recorded (no
DAGSTER_HOME, another machine), the documents of the inputs are compared.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.defs.checks.integrity import stories_match_labels
from newsclust_pipeline.defs.keys import asset_key
from newsclust_pipeline.search.graph import Neighbours

_INPUT = "dagster/input_data_version/"
_SIDE_TABLES = {"gold_labels", "story_lineage"}  # they may hold other documents


class InputsError(NewsclustError):
    """The inputs of a stage do not belong together."""


class Record(NamedTuple):
    """What Dagster recorded of the last materialisation of an asset.

    Attributes:
        run_id: the run.
        version: the data version.
        inputs: the data versions of its inputs, by asset.
        event: the materialisation itself.
    """

    run_id: str
    version: str | None
    inputs: dict[dg.AssetKey, str]
    event: dg.AssetMaterialization


@lru_cache(maxsize=1)
def _records_of(run_id: str) -> dict[dg.AssetKey, Record]:
    """Return what is known of a run's own assets. It doesn't change any more."""
    return {}


def last_record(instance: dg.DagsterInstance, run_id: str, key: dg.AssetKey) -> Record | None:
    """Return what was recorded of an asset last; None if it was never materialised.

    Args:
        instance: holds the records.
        run_id: the current run, whose own assets are looked up once.
        key: the asset.
    """
    own = _records_of(run_id)
    record = own.get(key) or _fetch_record(instance, key)
    if record and record.run_id == run_id:
        own[key] = record
    return record


def _fetch_record(instance: dg.DagsterInstance, key: dg.AssetKey) -> Record | None:
    records = instance.fetch_materializations(key, limit=1).records
    event = records[0].asset_materialization if records else None
    if event is None:
        return None
    tags = event.tags or {}
    inputs = {
        dg.AssetKey.from_user_string(name.removeprefix(_INPUT)): version
        for name, version in tags.items()
        if name.startswith(_INPUT)
    }
    return Record(records[0].run_id, tags.get("dagster/data_version"), inputs, event)


def require_same_run(
    instance: dg.DagsterInstance, run_id: str, asset: str, inputs: Iterable[dg.AssetKey]
) -> None:
    """Check that no input, and nothing that it was made from, is outdated.

    Inputs of the current run were checked when they were made.

    Raises:
        InputsError: naming both runs and the command that repairs it.
    """
    todo = sorted(inputs)
    records = {key: last_record(instance, run_id, key) for key in todo}
    while todo:
        key = todo.pop()
        record = records[key]
        if record is None or record.run_id == run_id:
            continue
        for upstream, version in record.inputs.items():
            if upstream not in records:
                todo.append(upstream)
                records[upstream] = last_record(instance, run_id, upstream)
            current = records[upstream]
            if current is not None and current.version != version:
                raise InputsError(_outdated(asset, key, record, upstream, current))


def require_same_documents(asset: str, inputs: Mapping[str, Any]) -> None:
    """Check that all inputs hold the same documents, and stories are those of the labels.

    raw_news may hold more: articles that the embedding service rejects have no vector.

    Raises:
        InputsError: naming the inputs that differ.
    """
    tables = {name: ids for name, value in inputs.items() if (ids := _ids(name, value)) is not None}
    articles = tables.pop("raw_news", None)
    first = next(iter(tables), "")
    for name, ids in tables.items():
        if not _equal_in_any_order(ids, tables[first]):
            raise InputsError(_different(asset, first, len(tables[first]), name, len(ids)))
    if articles is not None and tables and not pc.all(pc.is_in(tables[first], articles)).as_py():
        raise InputsError(_different(asset, "raw_news", len(articles), first, len(tables[first])))
    if {"stories", "hdbscan_labels"} <= inputs.keys():
        verdict = stories_match_labels.verdict(inputs)
        if not verdict.passed:
            raise InputsError(f"{asset}: {verdict.complaint}")


def _ids(name: str, value: Any) -> pa.ChunkedArray | None:
    """Return the ids of an input's documents; None if it is no table of documents."""
    if isinstance(value, Neighbours):
        return pa.chunked_array([pa.array(value.doc_id, pa.string())])
    if isinstance(value, pa.Table) and "doc_id" in value.column_names and name not in _SIDE_TABLES:
        return value["doc_id"]
    return None


def _equal_in_any_order(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    if one.equals(other):  # as almost always
        return True
    return bool(one.take(pc.sort_indices(one)).equals(other.take(pc.sort_indices(other))))


def _different(asset: str, name: str, count: int, other: str, other_count: int) -> str:
    return (
        f"{asset}: {name} has {count:,} documents, {other} {other_count:,}, and they are not the "
        f"same. {_repair(asset)}"
    )


def _outdated(
    asset: str, key: dg.AssetKey, record: Record, upstream: dg.AssetKey, current: Record
) -> str:
    made, source = key.to_user_string(), upstream.to_user_string()
    return (
        f"{asset}: {made} (run {record.run_id[:8]}) does not belong to {source} "
        f"(run {current.run_id[:8]}): it was made from another version. {_repair(asset)}"
    )


def _repair(asset: str) -> str:
    return (
        f"Materialise {asset} together with everything before it: dagster asset materialize "
        f"--select '+{asset_key(asset).to_user_string()}' -m newsclust_pipeline"
    )
