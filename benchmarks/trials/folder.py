"""The data folder and its disk: 206 ways in which a file can't be written or read.

Every writer meets a full disk (at several sizes), a read-only one, missing permissions, folders in
place of files and overlong paths; every reader meets damaged files. Full and read-only disks and
other users are real where the process is root; elsewhere a limit on the size of files stands in.
"""

import csv
import io
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import cache, partial
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np

from benchmarks.trials.trial import Trial, not_plain
from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.repair import damaged_files
from newsclust_pipeline.defs.resources import SAMPLE, DataFolder
from newsclust_pipeline.embed.cache import VectorCache
from newsclust_pipeline.ingest.feeds.state import FeedState, FeedStore
from newsclust_pipeline.stories.title_answers import write_answers
from newsclust_pipeline_tests.conftest import Pipeline, write_dump
from newsclust_pipeline_tests.defs.test_failures import WRITERS
from newsclust_pipeline_tests.defs.test_io_managers import output
from newsclust_pipeline_tests.limits import file_size_limit

_SIZES = (0, 1, 10, 100, 200, 300, 400, 450)  # bytes that a full disk still takes
_NOBODY = 65534


@cache
def prepared() -> Path:
    """Return a data folder with every file that a run persists, made once."""
    folder = Path(tempfile.mkdtemp(prefix="newsclust-trials-"))
    with SAMPLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:60]
    data = folder / "data"
    with redirect_stderr(io.StringIO()) as log:
        succeeded = Pipeline(write_dump(folder / "news.csv", rows), data, folder).run().success
    if not succeeded:
        raise RuntimeError(log.getvalue()[-2000:])
    write_answers(data / "title_answers.json", {"k1": "Fog", "k2": "", "k3": "Ferry fire"}, [])
    with FeedStore(data / "feeds.sqlite") as store, store.transaction():
        store.put(FeedState("https://a.example/rss", "https://b.example", "A", status="ok"))
    with VectorCache(data / "embedding_cache.sqlite", "trial/1") as vectors:
        vectors.store(["a", "b", "c"], np.eye(3, 8, dtype=np.float32))
    terminal._last_lines.clear()
    return data


def trials() -> Iterator[Trial]:
    """Yield the trials: 117 of writers, the others of files that are damaged when they are read."""
    prepared()
    for manager, value, name in WRITERS:
        for size in _SIZES:
            yield _writer(f"disk full after {size} bytes", manager, value, partial(_limited, size))
        for what, circumstance in _CIRCUMSTANCES.items():
            yield _writer(what, manager, value, circumstance)
        yield Trial(f"{name}: a folder in its place", partial(_occupied, manager, value, name))
    for number in range(206 - len(WRITERS) * (len(_SIZES) + len(_CIRCUMSTANCES) + 1)):
        yield Trial(f"damaged file {number}", partial(_damaged, number))


def _writer(what: str, manager: Any, value: Any, circumstance: Any) -> Trial:
    return Trial(f"{manager.__name__}: {what}", partial(_write, manager, value, circumstance))


def _write(manager: Any, value: Any, circumstance: Any, folder: Path) -> str:
    """Write under a circumstance: one plain line, nothing half-written, and then it heals."""
    place = folder / "data"
    place.mkdir()
    writer = manager(folder=DataFolder(path=str(place)))
    terminal._last_lines.clear()
    try:
        with circumstance(place):
            writer.handle_output(output(), value)
    except dg.Failure as failure:
        problem = not_plain(failure.description or "")
        if problem or not terminal._last_lines:
            return problem or "no last line"
    if list(place.glob(".*.tmp")):
        return "temporary files are left"
    writer.handle_output(output(), value)
    return ""


def _occupied(manager: Any, value: Any, name: str, folder: Path) -> str:
    (folder / name / "inside").mkdir(parents=True)
    writer = manager(folder=DataFolder(path=str(folder)))
    try:
        writer.handle_output(output(), value)
    except dg.Failure as failure:
        (folder / name / "inside").rmdir()
        (folder / name).rmdir()
        writer.handle_output(output(), value)
        return not_plain(failure.description or "")
    return "it was replaced in silence"


def _limited(size: int, _: Path) -> Any:
    return file_size_limit(size)


@contextmanager
def _mounted(place: Path, options: str) -> Iterator[None]:
    """Mount a small disk on a folder; where that isn't allowed, limit the size of files."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:  # noqa: S603
        with file_size_limit(0):
            yield
        return
    if "ro" not in options.split(","):
        with (place / "filler").open("wb") as file:
            try:
                file.write(b"x" * (1 << 20))
                file.flush()
            except OSError:
                pass
    try:
        yield
    finally:
        # A writer that failed may still hold its file.
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # noqa: S603, S607


@contextmanager
def _as_nobody(place: Path) -> Iterator[None]:
    place.chmod(0o555)
    for parent in (place.parent, place.parent.parent):
        parent.chmod(parent.stat().st_mode | 0o555)
    if os.geteuid() == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        place.chmod(0o755)


@contextmanager
def _file_instead(place: Path) -> Iterator[None]:
    place.rmdir()
    place.write_text("")
    try:
        yield
    finally:
        place.unlink()
        place.mkdir()


_CIRCUMSTANCES = {
    "a full disk": partial(_mounted, options="size=64k"),
    "a read-only disk": partial(_mounted, options="ro,size=64k"),
    "no permission": _as_nobody,
    "a file in place of the folder": _file_instead,
}


def _damaged(number: int, folder: Path) -> str:
    """Damage a file of a data folder: `newsclust doctor` names it, in one plain line."""
    names = sorted(
        path.name
        for path in prepared().iterdir()
        if path.suffix in {".parquet", ".npz", ".sqlite"}
        or path.name in {"milvus_collection.json", ".owner.json", "title_answers.json"}
        if "previous" not in path.name
    )
    name, kind = names[number % len(names)], number // len(names) % 5
    content = (prepared() / name).read_bytes()
    damages = [b"", b"garbage" * 999, content[: len(content) // 2], content[:-1], None]
    if (damaged := damages[kind]) is None:
        (folder / name).mkdir()
    else:
        (folder / name).write_bytes(damaged)
    try:
        findings = list(damaged_files(DataFolder(path=str(folder))))
    except NewsclustError as error:
        return not_plain(error)
    if kind == 3 and not findings and not name.endswith(".parquet"):
        return ""  # the last byte of a text is its line end
    named = [line for line in findings if name in line]
    return not_plain(named[0]) if named else f"{name}: not noticed ({len(content)} bytes)"
