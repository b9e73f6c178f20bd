"""One wrong bit in every file that is persisted: 3,500 of them.

A flipped bit is noticed (the file is refused, or what it holds is made again), or it has no effect.
"""

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.trials.folder import prepared
from benchmarks.trials.trial import Trial
from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.core.parquet import read_parquet
from newsclust_pipeline.defs.io_managers import UNREADABLE, HtmlIO, JsonIO
from newsclust_pipeline.defs.resources import DataFolder
from newsclust_pipeline.embed.cache import DamagedCacheError, VectorCache
from newsclust_pipeline.ingest.feeds.state import FeedStore
from newsclust_pipeline.schemas import TABLES
from newsclust_pipeline.search.files import read_neighbours
from newsclust_pipeline.store.manifest import _manifest_path, verify_checksum
from newsclust_pipeline.store.owner import _read as read_owner
from newsclust_pipeline.stories.lineage import read_history
from newsclust_pipeline.stories.title_answers import read_answers
from newsclust_pipeline.viz import page

_COUNTS = {"knn_distance_matrix.npz": 300, "story_lineage.parquet": 600}
_TOTAL, _OTHERS = 3500, 100


def trials() -> Iterator[Trial]:
    """Yield the trials: 600 in the history, 300 in the matrix, 100 in files that are no table."""
    data = prepared()
    readers = _readers(data)
    tables = [name for name in readers if name.endswith(".parquet") and name not in _COUNTS]
    counts = {name: _COUNTS.get(name, _OTHERS) for name in readers if name not in tables}
    rest, rng = _TOTAL - sum(counts.values()), random.Random(0)  # noqa: S311
    for place, name in enumerate(tables):
        counts[name] = rest // len(tables) + (place < rest % len(tables))
    for name, count in counts.items():
        content = (data / name).read_bytes()
        expected = readers[name](data / name)
        for _ in range(count):
            bit = rng.randrange(8 * len(content))
            yield Trial(f"{name}, bit {bit}", partial(_attempt, name, readers[name], content, bit,
                expected))  # fmt: skip


def _attempt(
    name: str, read: Callable[[Path], Any], content: bytes, bit: int, expected: Any, folder: Path
) -> str:
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    (folder / name).write_bytes(damaged)
    try:
        found = read(folder / name)
    except (*UNREADABLE, NewsclustError):
        return ""
    return "" if found is None or found == expected else "other content in silence"


def _readers(data: Path) -> dict[str, Callable[[Path], Any]]:
    """Return a function for every file that reads what the pipeline uses of it."""
    readers: dict[str, Callable[[Path], Any]] = {
        f"{name}.parquet": read_parquet for name in TABLES if (data / f"{name}.parquet").exists()
    }
    return readers | {
        "story_lineage.parquet": read_history,
        "knn_distance_matrix.npz": _neighbours,
        "milvus_collection.json": JsonIO(folder=DataFolder(path=str(data))).read,
        ".owner.json": lambda path: read_owner(path.parent) or None,
        "milvus.db.manifest": _manifest,
        "title_answers.json": _answers,
        "feeds.sqlite": _feed,
        "embedding_cache.sqlite": _vectors,
        "cluster_plot.html": _map,
    }


def _neighbours(path: Path) -> list[bytes]:
    found = read_neighbours(path)
    arrays = (found.doc_id, found.indices, found.distances, found.checksums)
    return [np.ascontiguousarray(a).tobytes() for a in arrays] + [str(found.k).encode()]


def _manifest(path: Path) -> Any:
    import json

    return verify_checksum(json.loads(path.read_text(encoding="utf-8")))


def _answers(path: Path) -> Any:
    answers, problem = read_answers(path)
    return None if problem or len(answers) < 3 else answers


def _feed(path: Path) -> Any:
    with FeedStore(path) as store:
        feed = store.feed("https://a.example/rss")
        return None if store.warnings or feed.status == "new" else feed


def _vectors(path: Path) -> Any:
    """Return the vectors; None if any is missing, which is then embedded again."""
    vectors = np.zeros((3, 8), dtype=np.float32)
    try:
        with VectorCache(path, "trial/1") as cache:
            missing = cache.fill(["a", "b", "c"], vectors)
    except DamagedCacheError:
        return None
    return None if len(missing) else vectors.tobytes()


def _map(path: Path) -> Any:
    """Return the page; None if its footer is damaged (the page is compared with its version)."""
    html = path.read_text(encoding="utf-8")
    original = prepared() / "cluster_plot.html"
    whole = page.is_signed(html) and page.sign(html, {}) == page.sign(original.read_text(), {})
    return html if whole else None


_ = (HtmlIO, _manifest_path)
