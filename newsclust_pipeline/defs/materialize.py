"""Wrap the value of a stage for Dagster, or reuse its last value.

Most reruns find most things as they were. Beside a stage's file lies a note: what it was made of, a
digest of its content, its figures. A file that was touched since, or comes from other code, is made
anew; so is one whose note is gone.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import dagster as dg
import numpy as np
import pyarrow as pa

from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.core.files import atomic_path
from newsclust_pipeline.defs.config import plain
from newsclust_pipeline.defs.console import last_word
from newsclust_pipeline.defs.io_managers import AtomicFileIO
from newsclust_pipeline.defs.settings import name_settings
from newsclust_pipeline.schemas import TABLES
from newsclust_pipeline.search.graph import Neighbours

T = TypeVar("T")
P = ParamSpec("P")
Made = dg.MaterializeResult[Any]

_DESCRIPTIONS = {c.name: c.description for table in TABLES.values() for c in table.columns}
_ROWS = 1 << 12  # of a table that are copied at one time, however it is cut up
_NOTE = {"made_of", "content", "version", "figures"}


def result(
    value: T, params: Mapping[str, Any] | None = None, **metadata: Any
) -> dg.MaterializeResult[T]:
    """Wrap a stage's value, its version made from its content and the parameters behind it.

    Tables carry the parameters in their schema's metadata, so that the file tells them, too.
    """
    if isinstance(value, pa.Table):
        table: Any = value
        told = {name: str(parameter) for name, parameter in (params or {}).items()}
        value = table.replace_schema_metadata({**(table.schema.metadata or {}), **told})
        metadata |= described(table)
        version = digest(value)
    else:
        version = digest([params or {}, digest(value)])
    return dg.MaterializeResult(
        value=value, data_version=dg.DataVersion(version), metadata=metadata
    )


def described(table: pa.Table) -> dict[str, Any]:
    """Tell of a table what Dagster shows of every table: rows and columns."""
    return {
        "dagster/row_count": table.num_rows,
        "dagster/column_schema": _column_schema(table.schema),
    }


def digest(value: Any) -> str:
    """Digest a value's content: a table (its schema's metadata included), neighbours, or JSON."""
    held = hashlib.sha256()
    _feed(held.update, value)
    return held.hexdigest()


def plain_errors(stage: Callable[P, T]) -> Callable[P, T]:
    """Turn errors that their message explains into failures that show nothing else.

    Trying again would not mend them, so Dagster is told not to.
    """

    @wraps(stage)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return stage(*args, **kwargs)
        except NewsclustError as error:
            message = name_settings(str(error))
            last_word(message)
            raise dg.Failure(message, allow_retries=False) from None

    return run


def _feed(take: Callable[[bytes], Any], value: Any) -> None:
    """Feed a value's content to a hash, in a form that depends on nothing else."""
    if isinstance(value, pa.Table):
        with pa.ipc.new_stream(pa.PythonFile(_Sink(take), "w"), value.schema) as stream:
            for start in range(0, value.num_rows, _ROWS):
                rows = value.slice(start, _ROWS).combine_chunks()
                # A copy: what is cut out of a larger table drags bits of its neighbours along.
                stream.write_table(rows.take(np.arange(rows.num_rows)))
    elif isinstance(value, Neighbours):
        told = np.array([str(value.k), value.provenance])
        for array in (value.doc_id, value.indices, value.distances, told):
            take(np.ascontiguousarray(array).tobytes())
    elif isinstance(value, str):
        take(value.encode())
    else:
        take(json.dumps(value, sort_keys=True).encode())


class _Sink:
    """A file that hands on what is written to it."""

    closed = False

    def __init__(self, take: Callable[[bytes], Any]) -> None:
        self._take = take

    def write(self, content: bytes) -> int:
        self._take(content)
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True


def _column_schema(schema: pa.Schema) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                field.name,
                str(field.type),
                description=_DESCRIPTIONS.get(field.name),
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
            for field in schema
        ]
    )


@dataclass(frozen=True)
class Reuse:
    """What a stage depends on beside its inputs, its config and the code.

    All are given the stage's arguments.

    Attributes:
        reads: digests what the stage reads elsewhere.
        still: is given the last value first, and tells whether it would come out the same, as far
            as inputs and `reads` don't tell.
        figures: is given the last value first, and gives the figures that compare with it.
    """

    reads: Callable[..., str] = lambda *_, **__: ""
    still: Callable[..., bool] = lambda *_, **__: True
    figures: Callable[..., dict[str, float]] = lambda *_, **__: {}


def reusing(io: str, reuse: Reuse, stage: Callable[P, Made]) -> Callable[P, Made]:
    """Have a stage give its last value again where it would make the same.

    Args:
        io: key of the IO manager that keeps the value.
        reuse: what the stage depends on beside its arguments.
        stage: gives a value by `results.result`.
    """

    @wraps(stage)
    def run(*args: P.args, **kwargs: P.kwargs) -> Made:
        context = dg.AssetExecutionContext.get()
        files: AtomicFileIO = getattr(context.resources, io)
        name = context.asset_key.path[-1]
        note = Path(files.data_dir) / f".{name}.made_of.json"
        made_of = _signature(name, kwargs, reuse.reads(*args, **kwargs))
        again = _again(files, name, _read(note), made_of)
        if again and reuse.still(again.value, *args, **kwargs):
            context.log.info("Inputs, config and code are as they were: so is the result.")
            figures = dict(again.metadata or {}) | reuse.figures(again.value, *args, **kwargs)
            return dg.MaterializeResult(
                value=again.value, data_version=again.data_version, metadata=figures
            )
        made = stage(*args, **kwargs)
        _write(note, made_of, made)
        return made

    return run


def _signature(name: str, arguments: dict[str, Any], read: str) -> str:
    """Digest all that a stage is given, resources left out, what it reads, and its code."""
    parts = [name, _code(), read]
    for argument, value in sorted(arguments.items()):
        if isinstance(value, dg.Config):
            parts.append(f"{argument}: {digest(plain(value))}")
        elif isinstance(value, pa.Table | Neighbours):
            parts.append(f"{argument}: {digest(value)}")
    return digest(parts)


@lru_cache
def _code() -> str:
    """Digest this package, and the versions of all others and of Python."""
    root = Path(__file__).parents[1]
    held = hashlib.sha256()
    for source in sorted(p for p in root.rglob("*") if p.suffix in {".py", ".js", ".css", ".html"}):
        held.update(f"{source.relative_to(root)}\n".encode() + source.read_bytes())
    versions = sorted(f"{d.name} {d.version}" for d in distributions())
    held.update(json.dumps([platform.python_version(), *versions]).encode())
    return held.hexdigest()


def _write(note: Path, made_of: str, made: Made) -> None:
    """Note what a value is made of. It may lie there before the file does: it tells its digest."""
    metadata: dict[str, Any] = dict(made.metadata or {})
    figures = {k: v for k, v in metadata.items() if k not in _described(made.value)}
    told = {
        "made_of": made_of,
        "content": digest(made.value),
        "version": made.data_version.value if made.data_version else "",
        "figures": dg.serialize_value(figures),
    }
    with atomic_path(note) as temporary:
        temporary.write_text(json.dumps(told, indent=2), encoding="utf-8")


def _read(note: Path) -> dict[str, str]:
    """Read a note; an empty one if there is none, or none that can be read."""
    try:
        told: dict[str, str] = json.loads(note.read_text(encoding="utf-8"))
        return told if told.keys() == _NOTE else {}
    except (OSError, ValueError, AttributeError):
        return {}


def _again(files: AtomicFileIO, name: str, told: dict[str, str], made_of: str) -> Made | None:
    """Make the result of the last value, if that is what the note tells of."""
    last = files.last(name) if told.get("made_of") == made_of else None
    if last is None or digest(last) != told["content"]:
        return None
    figures: Any = dg.deserialize_value(told["figures"])
    version = dg.DataVersion(told["version"])
    return dg.MaterializeResult(
        value=last, data_version=version, metadata=figures | _described(last)
    )


def _described(value: Any) -> dict[str, Any]:
    return described(value) if isinstance(value, pa.Table) else {}
