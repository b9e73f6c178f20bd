"""From a stage's value to what Dagster records: data version, figures, checks; or its last output.

A stage whose inputs, configuration and code are unchanged is skipped, and its last output is
reused. Dagster records what this takes with every materialisation: the code version, the data
versions of the inputs, and a tag with the digest of the configuration. Only the content of the file
to be reused is read and compared with its data version.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import dagster as dg
import pyarrow as pa

from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.core.progress import Progress, log_progress
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.checks import checks_of
from newsclust_pipeline.defs.code_version import code_version
from newsclust_pipeline.defs.config import plain
from newsclust_pipeline.defs.data_version import digest
from newsclust_pipeline.defs.io_managers import AtomicFileIO
from newsclust_pipeline.defs.settings import name_settings
from newsclust_pipeline.schemas import TABLES

Function = Callable[..., Any]
Event = dg.AssetCheckResult | dg.MaterializeResult[Any]

_CONFIGURATION = "newsclust/configuration"  # tag with the digest of what else a stage depends on
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


def stage(
    *kinds: str,
    io: str = "parquet",
    outputs: tuple[str, ...] = (),
    ins: Mapping[str, dg.AssetIn] | None = None,
    deps: tuple[str, ...] = (),
    reuse: Reuse | None = None,
) -> Callable[[Function], dg.AssetsDefinition]:
    """Make an asset of a function that returns a `Result`.

    Args:
        kinds: what the UI shows as kinds.
        io: the IO manager, without its ending `_io`.
        outputs: the assets of a function that returns several results by name, in the order in
            which they are written. The last one has the function's name and the checks; the first
            one is a report for failed checks, so it is written before they are evaluated.
        ins: inputs that need another IO manager.
        deps: assets whose data the stage reads without their table.
        reuse: what the stage depends on; None for a stage that does its own bookkeeping.
    """

    def decorate(function: Function) -> dg.AssetsDefinition:
        names = outputs or (function.__name__,)
        specs = {
            name: dg.AssetOut(
                description=TABLES[name].description if outputs else None,
                io_manager_key=f"{io}_io",
                group_name="news",
                kinds=set(kinds),
                owners=["team:newsclust"],
                code_version=code_version(function),
                is_required=not outputs,
            )
            for name in names
        }
        return dg.multi_asset(
            name=function.__name__,
            description=inspect.getdoc(function),
            outs=specs,
            ins=ins,
            deps=deps,
            can_subset=bool(outputs),
            check_specs=[check.spec() for check in checks_of(function.__name__)],
        )(_materialized(function, names, f"{io}_io", reuse))

    return decorate


def result(value: Any, params: Mapping[str, Any] = MappingProxyType({}), **figures: Any) -> Result:
    """Return a stage's value with its figures.

    Args:
        value: a table, neighbours, text, or JSON.
        params: what shaped a table; written to the metadata of its schema.
        figures: what the UI shows.
    """
    if isinstance(value, pa.Table):
        metadata = {name: str(param) for name, param in params.items()}
        value = value.replace_schema_metadata({**(value.schema.metadata or {}), **metadata})
    return Result(value, figures)


def _materialized(
    function: Function, names: tuple[str, ...], io: str, reuse: Reuse | None
) -> Function:
    """Return the function that Dagster runs for a stage."""

    def run(*args: Any, **kwargs: Any) -> Iterator[Event]:
        with terminal.stage(function.__name__):
            try:
                yield from _events(function, names, io, reuse, args, kwargs)
            except NewsclustError as error:
                raise failure(str(error)) from None
            except dg.Failure:
                raise
            except Exception as error:
                terminal.print_at_end(f"{function.__name__} failed: {_one_line(error)}")
                raise

    run.__name__ = function.__name__
    run.__annotations__ = {k: v for k, v in function.__annotations__.items() if k != "return"}
    signature = inspect.signature(function)
    run.__signature__ = signature.replace(return_annotation=signature.empty)  # type: ignore[attr-defined]
    return run


def _events(
    function: Function,
    names: tuple[str, ...],
    io: str,
    reuse: Reuse | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Iterator[Event]:
    """Compute or reuse the results; check the last one; yield what Dagster is to record."""
    context = dg.AssetExecutionContext.get()
    depends_on, selected = reuse or Reuse(), context.selected_asset_keys
    names = tuple(name for name in names if dg.AssetKey(name) in selected)
    tags = {_CONFIGURATION: _configuration(kwargs, depends_on)}
    last = _last_results(context, names, io, tags) if reuse else None
    if last and depends_on.valid(last[names[-1]].value, **kwargs):
        context.log.info("Inputs, configuration and code are unchanged: the output is reused.")
        last[names[-1]].figures.update(depends_on.figures(last[names[-1]].value, **kwargs))
        results = last
    else:
        computed = function(*args, **kwargs)
        results = computed if isinstance(computed, dict) else {names[-1]: computed}
    reports = names[:-1][:1]
    for name in reports:
        yield _materialization(name, results[name], tags)
    yield from _checked(context, names[-1], results[names[-1]], kwargs)
    for name in names[len(reports) :]:
        yield _materialization(name, results[name], tags)


def _materialization(name: str, made: Result, tags: Mapping[str, str]) -> Event:
    metadata = dict(made.figures)
    if isinstance(made.value, pa.Table):
        metadata["dagster/row_count"] = made.value.num_rows
        metadata["dagster/column_schema"] = _column_schema(name, made.value.schema)
    version = dg.DataVersion(made.version or digest(made.value))
    return dg.MaterializeResult(
        asset_key=name, value=made.value, data_version=version, metadata=metadata, tags=tags
    )


def _checked(
    context: dg.AssetExecutionContext, name: str, made: Result, kwargs: Mapping[str, Any]
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of an asset's checks; fail if a blocking one did."""
    figures = {
        k: v.value if isinstance(v, dg.MetadataValue) else v for k, v in made.figures.items()
    }
    arguments = {**kwargs, name: made.value, "figures": figures, "context": context}
    complaints = []
    for check in checks_of(name):
        verdict = check.verdict(arguments)
        yield check.result(verdict)
        if not verdict.passed and check.blocking:
            complaints.append(verdict.complaint)
        elif not verdict.passed:
            context.log.warning(verdict.complaint)
    if complaints:
        for complaint in complaints[1:]:
            context.log.error(complaint)
        raise failure(complaints[0])


def failure(message: str) -> dg.Failure:
    """Return a failure with a message that explains itself; it is the last line on the terminal.

    Trying again would not help, so Dagster is told not to retry.
    """
    text = name_settings(message)
    terminal.print_at_end(text)
    return dg.Failure(text, allow_retries=False)


def progress(what: str) -> Progress:
    """Return a progress callback that writes to the log of the asset and to the terminal."""
    log = log_progress(dg.AssetExecutionContext.get().log.info, what)

    def report(done: int, total: int) -> None:
        log(done, total)
        terminal.advance(what, done, total)

    return report


def run_start(context: dg.AssetExecutionContext) -> datetime:
    """Return when the run began."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    start = record.start_time if record else None
    return datetime.fromtimestamp(start, UTC) if start else datetime.now(UTC)


def _one_line(error: Exception) -> str:
    """Return an unexpected error in one line; its traceback is in the log."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def _configuration(kwargs: Mapping[str, Any], reuse: Reuse) -> str:
    """Return a digest of a stage's configuration and of what it reads elsewhere."""
    config = {k: plain(value) for k, value in kwargs.items() if isinstance(value, dg.Config)}
    return digest([config, reuse.reads(**kwargs)])[:32]


def _last_results(
    context: dg.AssetExecutionContext, names: tuple[str, ...], io: str, tags: Mapping[str, str]
) -> dict[str, Result] | None:
    """Return the last results if the stage would compute them again; else None."""
    files: AtomicFileIO = getattr(context.resources, io)
    results = {}
    for name in names:
        recorded = _unchanged(context, dg.AssetKey(name), tags)
        value = files.last(name) if recorded else None
        if recorded is None or value is None or digest(value) != _data_version(recorded):
            return None
        figures = {k: v for k, v in recorded.metadata.items() if k not in _WRITTEN}
        results[name] = Result(value, figures)
    return results


def _unchanged(
    context: dg.AssetExecutionContext, key: dg.AssetKey, tags: Mapping[str, str]
) -> dg.AssetMaterialization | None:
    """Return an asset's last materialisation if inputs, configuration and code are the same."""
    last = last_materialization(context.instance, key)
    provenance = context.get_asset_provenance(key)
    if last is None or provenance is None or tags.items() - (last.tags or {}).items():
        return None
    if provenance.code_version != context.assets_def.code_versions_by_key[key]:
        return None
    for upstream, version in provenance.input_data_versions.items():
        current = last_materialization(context.instance, upstream)
        if current is None or _data_version(current) != version.value:
            return None
    return last


def last_materialization(
    instance: dg.DagsterInstance, key: dg.AssetKey
) -> dg.AssetMaterialization | None:
    """Return what was recorded of an asset last; None if it was never materialised."""
    records = instance.fetch_materializations(key, limit=1).records
    return records[0].asset_materialization if records else None


def _data_version(materialization: dg.AssetMaterialization) -> str | None:
    return (materialization.tags or {}).get("dagster/data_version")


def _column_schema(name: str, schema: pa.Schema) -> dg.TableSchema:
    table = TABLES[name]
    return dg.TableSchema(
        [
            dg.TableColumn(
                field.name,
                str(field.type),
                description=table.describe(field.name),
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
            for field in schema
        ]
    )
