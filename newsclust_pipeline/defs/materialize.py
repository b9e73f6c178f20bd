"""From a stage's value to what Dagster records of it: data version, figures and checks."""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import dagster as dg
import pyarrow as pa

from newsclust_pipeline.core.errors import NewsclustError, ServiceError
from newsclust_pipeline.core.file_errors import is_circumstance
from newsclust_pipeline.core.memory import release_unused
from newsclust_pipeline.core.progress import Progress, log_progress
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.checks import checks_of
from newsclust_pipeline.defs.code_version import code_version
from newsclust_pipeline.defs.config_file import config_file
from newsclust_pipeline.defs.data_version import digest
from newsclust_pipeline.defs.failures import explain, failure
from newsclust_pipeline.defs.inputs import require_same_documents, require_same_run
from newsclust_pipeline.defs.keys import asset_key
from newsclust_pipeline.defs.parameters import configured
from newsclust_pipeline.defs.resources.run_guard import RunGuard
from newsclust_pipeline.defs.reuse import (
    CONFIGURATION,
    Result,
    Reuse,
    configuration_digest,
    last_results,
)
from newsclust_pipeline.schemas import TABLES

Function = Callable[..., Any]
Event = dg.AssetCheckResult | dg.MaterializeResult[Any]

_REPOSITORY = "https://github.com/newsclust/newsclust_pipeline"
# A daily run may fail once before the UI warns.
_FRESH = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=36), fail_window=timedelta(hours=72)
)
_RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


def stage(
    *kinds: str,
    io: str = "parquet",
    outputs: tuple[str, ...] = (),
    ins: Mapping[str, dg.AssetIn] | None = None,
    deps: tuple[str | dg.AssetKey, ...] = (),
    reuse: Reuse | None = None,
    service: str | None = None,
    must_be_fresh: bool = False,
) -> Callable[[Function], dg.AssetsDefinition]:
    """Make an asset of a function that returns a `Result`.

    Args:
        kinds: what the UI shows as kinds.
        io: the IO manager, without its ending `_io`.
        outputs: the assets of a function that returns several results by name, in the order in
            which they are written. The last one has the function's name; the first one is a report
            for failed checks, so it is written before those of the others are evaluated.
        ins: inputs that need another IO manager.
        deps: assets whose data the stage reads without their table.
        reuse: what the stage depends on; None for a stage that does its own bookkeeping.
        service: what the stage asks over a network. It is asked again when it fails, and it is a
            concurrency pool, for which a Dagster instance may set a limit.
        must_be_fresh: whether the UI warns if the asset is older than `_FRESH`.
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
                metadata=_code_link(function),
                freshness_policy=_FRESH if must_be_fresh else None,
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
            retry_policy=_RETRY if service else None,
            pool=service,
            check_specs=[check.spec() for name in names for check in checks_of(name)],
        )(_materialized(function, names, f"{io}_io", reuse))

    return decorate


def _code_link(function: Function) -> Mapping[str, Any]:
    """Return the link to a stage in the public repository, as the UI shows it."""
    lines = f"L{function.__code__.co_firstlineno}"
    url = f"{_REPOSITORY}/blob/main/{function.__module__.replace('.', '/')}.py#{lines}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        file = f"{function.__module__.rpartition('.')[2]}.py"  # the UI says: Open … in GitHub
        link = dg.UrlCodeReference(url=url, label=file)
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[link])}


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

    def run(*args: Any, guard: RunGuard, **kwargs: Any) -> Iterator[Event]:
        release_unused()  # what the stage before has freed by now
        with terminal.stage(function.__name__):
            try:
                yield from _events(function, names, io, reuse, args, kwargs)
            except NewsclustError as error:
                raise failure(str(error), retry=isinstance(error, ServiceError)) from None
            except dg.Failure:
                raise
            except Exception as error:
                if is_circumstance(error):  # a disk that is full, a folder without permission, …
                    raise failure(f"{function.__name__}: {explain(error)}") from error
                terminal.print_at_end(f"{function.__name__} failed: {_one_line(error)}")
                raise

    run.__name__ = function.__name__
    _set_signature(run, function)
    return run


def _set_signature(run: Function, function: Function) -> None:
    """Set the signature of a stage, with the defaults of the configuration file and the guard."""
    annotations = {k: v for k, v in function.__annotations__.items() if k != "return"}
    if "config" in annotations:
        annotations["config"] = configured(annotations["config"], function.__name__, config_file())
    annotations["guard"] = RunGuard
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(n, kind, annotation=a) for n, a in annotations.items()]
    run.__annotations__ = annotations
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]


def _events(
    function: Function,
    names: tuple[str, ...],
    io: str,
    reuse: Reuse | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Iterator[Event]:
    """Compute or reuse the results; check them; yield what Dagster is to record."""
    context = dg.AssetExecutionContext.get()
    inputs = context.assets_def.keys_by_input_name.values()
    require_same_run(context.instance, context.run.run_id, function.__name__, inputs)
    require_same_documents(function.__name__, kwargs)
    depends_on, selected = reuse or Reuse(), context.selected_asset_keys
    names = tuple(name for name in names if asset_key(name) in selected)
    tags = {CONFIGURATION: configuration_digest(kwargs, depends_on)}
    last = last_results(context, names, io, tags) if reuse else None
    if last and depends_on.valid(last[names[-1]].value, **kwargs):
        context.log.info("Inputs, configuration and code are unchanged: the output is reused.")
        last[names[-1]].figures.update(depends_on.figures(last[names[-1]].value, **kwargs))
        results = last
    else:
        computed = function(*args, **kwargs)
        results = computed if isinstance(computed, dict) else {names[-1]: computed}
    arguments = kwargs | {name: made.value for name, made in results.items()}
    reports = names[:-1][:1]
    for written in (reports, names[len(reports) :]):
        for name in written:
            yield from _checked(context, name, results[name], arguments)
        for name in written:
            yield _materialization(name, results[name], tags)


def _materialization(name: str, made: Result, tags: Mapping[str, str]) -> Event:
    metadata = dict(made.figures)
    if isinstance(made.value, pa.Table):
        metadata["dagster/row_count"] = made.value.num_rows
        metadata["dagster/column_schema"] = _column_schema(name, made.value.schema)
    version = dg.DataVersion(made.version or digest(made.value))
    return dg.MaterializeResult(
        asset_key=asset_key(name),
        value=made.value,
        data_version=version,
        metadata=metadata,
        tags=tags,
    )


def _checked(
    context: dg.AssetExecutionContext, name: str, made: Result, values: Mapping[str, Any]
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of an asset's checks; fail if a blocking one did."""
    figures = {
        k: v.value if isinstance(v, dg.MetadataValue) else v for k, v in made.figures.items()
    }
    tables = {k: value for k, value in values.items() if isinstance(value, pa.Table)}
    arguments = {**values, "figures": figures, "tables": tables, "context": context}
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
