"""What `newsclust doctor` reports: versions, paths, services and settings, and what is wrong."""

import os
import platform
import shutil
import socket
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.core.locations import address_of, without_secrets
from newsclust_pipeline.defs.home import broken_databases, dagster_home
from newsclust_pipeline.defs.masking import MASK, mask_secrets
from newsclust_pipeline.defs.repair import damaged_files
from newsclust_pipeline.defs.resources import DataFolder, Embedder, Engine, Milvus, NewsDumps
from newsclust_pipeline.defs.resources.embedder import has_multilingual
from newsclust_pipeline.defs.resources.run_guard import check_store
from newsclust_pipeline.defs.setting import Setting
from newsclust_pipeline.defs.settings import SETTINGS, name_settings
from newsclust_pipeline.store.addresses import is_server

_PACKAGES = ("newsclust_pipeline", "dagster", "pymilvus", "milvus-lite", "faiss-cpu", "numba")
_MIN_FREE = 1 << 30  # bytes


class Finding(NamedTuple):
    """One line of the report.

    Attributes:
        subject: what was looked at.
        is_fine: whether a run can go on with it.
        text: what was found, and if it is wrong, what to do.
    """

    subject: str
    is_fine: bool
    text: str


def examine(
    folder: DataFolder, news: NewsDumps, embedder: Embedder, milvus: Milvus, engine: Engine
) -> Iterator[Finding]:
    """Yield what was found, the slowest last."""
    yield Finding("Python", True, f"{platform.python_version()} on {platform.platform()}")
    for name in _PACKAGES:
        yield _package(name)
    yield from _data_folder(folder)
    yield _attempt("news", lambda: _news(news))
    yield _attempt("embedder", lambda: _model(embedder))
    yield _attempt("Milvus", lambda: _milvus(milvus))
    yield _attempt("workers", engine.verify)


def settings_in_force() -> list[tuple[str, str]]:
    """Return every setting with its value; secrets are masked, unset ones have their default."""
    return [(setting.name, _shown(setting)) for setting in SETTINGS]


def _shown(setting: Setting) -> str:
    value = os.environ.get(setting.name)
    if not value:
        return f"({setting.default or setting.shown.replace('`', '')})"
    return MASK if setting.is_secret else without_secrets(mask_secrets(value, SETTINGS))


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(name, False, "not installed. Install newsclust_pipeline again.")


def _data_folder(folder: DataFolder) -> Iterator[Finding]:
    try:
        local, is_remote = folder.local, folder.is_remote
    except NewsclustError as error:
        yield Finding("data folder", False, name_settings(str(error)))
        return
    yield _disk(local, "NEWSCLUST_LOCAL_DIR" if is_remote else "NEWSCLUST_DATA_DIR")
    if is_remote:
        yield _attempt("object store", lambda: _store(folder))
    yield _attempt("tables", lambda: _tables(folder))
    yield _attempt("DAGSTER_HOME", lambda: _home(dagster_home(local)))


def _store(folder: DataFolder) -> str:
    check_store(folder.root)
    return f"{address_of(folder.root)}: can be written to"


def _tables(folder: DataFolder) -> str:
    damaged = list(damaged_files(folder))
    if damaged:
        raise NewsclustError(" ".join(damaged))
    return f"no damaged one in {address_of(folder.root)}"


def _news(news: NewsDumps) -> str:
    return f"{address_of(news.location)}, number of dumps: {len(news.open().paths)}"


def _disk(data: Path, setting: str) -> Finding:
    existing = next(path for path in (data, *data.resolve().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        text = f"{data.resolve()}: can't be written to. Set {setting} to another folder."
        return Finding("data folder", False, text)
    text = f"{data.resolve()}: {free / 2**30:,.1f} GB free"
    return Finding("data folder", free >= _MIN_FREE, text)


def _home(home: Path) -> str:
    broken = ", ".join(map(str, broken_databases(home)))
    if broken:
        raise NewsclustError(f"{broken}: created by two runs at the same time: `newsclust repair`.")
    return str(home)


def _model(embedder: Embedder) -> str:
    if embedder.name == "auto":
        other = "e5 otherwise" if has_multilingual() else "e5, for other languages, not installed"
        return f"auto: minilm for English, {other}"
    model = embedder.load(embedder.name)
    return f"{model.name}, {model.model}"


def _milvus(milvus: Milvus) -> str:
    if not is_server(milvus.place):
        path = Path(milvus.place)
        files = [path, *path.rglob("*")] if path.exists() else []
        size = sum(file.stat().st_size for file in files) / 2**20
        return f"Milvus Lite, {path.resolve()}: {f'{size:,.1f} MB' if files else 'not created yet'}"
    address = urlsplit(milvus.place)
    host, port = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        raise NewsclustError(
            f"{host}:{port}: no answer ({error}). Start the server, or set `milvus.uri`."
        ) from None
    return f"Milvus server, {host}:{port}: reachable"


def _attempt(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, look())
    except NewsclustError as error:
        return Finding(subject, False, name_settings(str(error)))
