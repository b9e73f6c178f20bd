"""A stage that would make of the same the same → the table that it made last time.

Most reruns find most things as they were. The table's file says for itself what it was made of, in
its schema's metadata, beside a digest of its content: there is no other record that could
contradict it, and a file that was touched, or comes from other code, is made anew.
"""

import hashlib
import json
import platform
from collections.abc import Callable
from functools import lru_cache, wraps
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, ParamSpec

import dagster as dg
import pyarrow as pa

from newsclust_pipeline.config import plain
from newsclust_pipeline.io_managers import ParquetIO
from newsclust_pipeline.results import described, digest
from newsclust_pipeline.stages.neighbours import Neighbours

P = ParamSpec("P")
Made = dg.MaterializeResult[pa.Table]

_MADE_OF, _CONTENT, _FIGURES = "made_of", "content", "figures"
_OURS = {name.encode() for name in (_MADE_OF, _CONTENT, _FIGURES)}


def reusing(
    io: str, still: Callable[..., bool], stage: Callable[P, Made]
) -> Callable[P, Made]:
    """Have a stage give its last table again where its inputs, config and the code are the same.

    Args:
        io: key of the IO manager that keeps the table.
        still: is given the last table and the stage's arguments, and tells whether what the stage
            depends on beside them (dumps, history, a service) is as it was, too.
        stage: gives a table by `results.result`.
    """

    @wraps(stage)
    def run(*args: P.args, **kwargs: P.kwargs) -> Made:
        context = dg.AssetExecutionContext.get()
        files: ParquetIO = getattr(context.resources, io)
        name = context.asset_key.path[-1]
        made_of = _signature(name, kwargs)
        if files.told(name).get(_MADE_OF) == made_of:
            last = files.last(name)
            again = last and _again(last)
            if again and still(last, *args, **kwargs):
                context.log.info("Inputs, config and code are as they were: so is the table.")
                return again
        return _marked(stage(*args, **kwargs), made_of)

    return run


def _signature(name: str, arguments: dict[str, Any]) -> str:
    """Digest all that a stage is given, resources left out, and its code."""
    parts = [name, _code()]
    for argument, value in sorted(arguments.items()):
        if isinstance(value, dg.Config):
            parts.append(f"{argument}: {digest(plain(value))}")
        elif isinstance(value, pa.Table):
            parts.append(f"{argument}: {digest(_bare(value))}")
        elif isinstance(value, Neighbours):
            parts.append(f"{argument}: {digest(value)}")
    return digest(parts)


@lru_cache
def _code() -> str:
    """Digest this package, and the versions of all others and of Python."""
    root = Path(__file__).parent
    sources = sorted(p for p in root.rglob("*") if p.suffix in {".py", ".js", ".css", ".html"})
    held = hashlib.sha256()
    for source in sources:
        held.update(f"{source.relative_to(root)}\n".encode() + source.read_bytes())
    versions = sorted(f"{d.name} {d.version}" for d in distributions())
    held.update(json.dumps([platform.python_version(), *versions]).encode())
    return held.hexdigest()


def _marked(made: Made, made_of: str) -> Made:
    """Write into the table's schema what it was made of, what it holds, and its figures."""
    table = made.value
    figures = {k: v for k, v in (made.metadata or {}).items() if k not in described(table)}
    ours = {
        _MADE_OF: made_of,
        _CONTENT: digest(table),
        _FIGURES: dg.serialize_value(figures),
    }
    marked = table.replace_schema_metadata({**(table.schema.metadata or {}), **ours})
    return dg.MaterializeResult(
        value=marked, data_version=made.data_version, metadata=made.metadata
    )


def _again(last: pa.Table) -> Made | None:
    """Make the result from the last table; None if the table isn't what it was."""
    told = {k.decode(): v.decode() for k, v in last.schema.metadata.items() if k in _OURS}
    if digest(_bare(last)) != told[_CONTENT]:
        return None
    figures: Any = dg.deserialize_value(told[_FIGURES])
    return dg.MaterializeResult(
        value=last,
        data_version=dg.DataVersion(told[_CONTENT]),
        metadata=figures | described(last),
    )


def _bare(table: pa.Table) -> pa.Table:
    """Take from a table's schema what this room put there."""
    metadata = table.schema.metadata or {}
    return table.replace_schema_metadata({k: v for k, v in metadata.items() if k not in _OURS})
