"""Code versions: a digest of the code and the packages that an asset uses.

An asset uses the modules that its function names, the modules that these import, and so on; and the
distributions that any of them imports. So a package that no stage imports can be installed, and a
stage can be changed, without making the outputs of other stages outdated.
"""

import hashlib
import inspect
import platform
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT.name
# Modules whose distribution has another name.
_DISTRIBUTIONS = {
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "grpc": "grpcio",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
}
_CACHE = "__pycache__"
# The statements `import a, b` and `from a import b, c`. To parse all modules takes half a second of
# every process; that this finds the same is tested.
_IMPORT = re.compile(
    r"^[ \t]*(?:from\s+([\w.]+)\s+)?import\s+(\([^)]*\)|[^\n(]+)$", flags=re.MULTILINE
)
_NAME = re.compile(r"(?<!\bas )\b(?!as\b)[\w.]+")  # of `b` and `c` in `b, c as d`
_COMMENT = re.compile("#.*")
# They run the stages but do not change what a stage computes.
_PLUMBING = frozenset({"aiohttp", "dagster", "dask", "distributed", "pydantic", "upath"})


class Uses(NamedTuple):
    """What a function or module uses.

    Attributes:
        files: the source files of this package, and the files beside them that they read.
        distributions: distributions of other projects.
    """

    files: frozenset[Path]
    distributions: frozenset[str]


def code_version(function: Callable[..., Any]) -> str:
    """Return a digest of a function's source, of the files and of the versions that it uses."""
    uses = used_by(function)
    digest = hashlib.sha256(inspect.getsource(function).encode())
    for path in sorted(uses.files):
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    versions = [f"{name} {_version(name)}" for name in sorted(uses.distributions)]
    digest.update("\n".join([platform.python_version(), *versions]).encode())
    return digest.hexdigest()[:16]


def used_by(function: Callable[..., Any]) -> Uses:
    """Return what a function uses by the names in its code and its annotations."""
    values = [function.__globals__.get(name) for name in _names(function.__code__)]
    values += function.__annotations__.values()
    todo = {name for value in values if (name := _module_of(value))}
    modules: set[str] = set()
    while todo:
        name = todo.pop()
        if _is_stage_code(name) and name not in modules:
            modules.add(name)
            todo |= _imports(name)
    others = {name.partition(".")[0] for module in modules for name in _imports(module)}
    others -= {PACKAGE, *sys.stdlib_module_names, *_PLUMBING}
    files = {path for module in modules for path in _files(module)}
    return Uses(frozenset(files), frozenset(_DISTRIBUTIONS.get(n, n) for n in others))


def _names(code: CodeType) -> Iterator[str]:
    """Yield the global names and attributes in a function's code, nested functions included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _module_of(value: object) -> str | None:
    if isinstance(value, ModuleType):
        return value.__name__
    return getattr(value, "__module__", None)


def _is_stage_code(name: str) -> bool:
    """Return True for modules of this package, except those of `defs/` that only run the stages."""
    parts = name.split(".")
    return (parts[0] == PACKAGE and len(parts) > 1 and parts[1:2] != ["defs"]) or (
        parts[:3] == [PACKAGE, "defs", "resources"]
    )


@cache
def _imports(name: str) -> frozenset[str]:
    """Return the modules that a module of this package imports, at its head or in functions."""
    path = _path(name)
    found: set[str] = set()
    for module, names in _IMPORT.findall(path.read_text(encoding="utf-8") if path else ""):
        imported = _NAME.findall(_COMMENT.sub("", names))
        submodules = {member for name in imported if _path(member := f"{module}.{name}")}
        found |= submodules or ({module} if module else set(imported))
    return frozenset(found)


@cache
def _path(name: str) -> Path | None:
    """Return the file of a module of this package; None if there is no such module."""
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return None
    path = ROOT.joinpath(*parts[1:])
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@cache
def _files(name: str) -> frozenset[Path]:
    """Return a module's own file, and the files of its package that are no Python code."""
    path = _path(name)
    if path is None:
        return frozenset()
    beside = path.parent.rglob("*") if path.parent != ROOT else ()
    data = {p for p in beside if p.is_file() and p.suffix != ".py" and _CACHE not in p.parts}
    return frozenset({path, *data})


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
