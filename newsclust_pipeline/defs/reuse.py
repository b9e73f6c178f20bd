"""A stage that would make the same of the same → what it made last time.

Most reruns find most things as they were. Beside a stage's file lies a note: what it was made of, a
digest of its content, its figures. A file that was touched since, or comes from other code, is made
anew; so is one whose note is gone.
"""

import hashlib
import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, ParamSpec

import dagster as dg
import pyarrow as pa

from newsclust_pipeline.core.files import atomic_path
from newsclust_pipeline.defs.config import plain
from newsclust_pipeline.defs.io_managers import AtomicFileIO
from newsclust_pipeline.defs.results import described, digest
from newsclust_pipeline.search.graph import Neighbours

P = ParamSpec("P")
Made = dg.MaterializeResult[Any]

_NOTE = {"made_of", "content", "version", "figures"}


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
