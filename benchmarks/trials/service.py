"""An embedding service that misbehaves in 34 ways, over real HTTP on loopback."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.trials.trial import Trial, not_plain
from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.embed.base import embed
from newsclust_pipeline.embed.openai import EmbeddingService
from newsclust_pipeline_tests.embedding_server import EmbeddingServer, vector_of

_TEXTS = [f"Headline {number}: Ålesund ferry 🔥" for number in range(24)]
_TABLE = pa.table({"doc_id": _TEXTS, "text": _TEXTS})
_STATUSES = (400, 401, 403, 404, 408, 413, 418, 422, 500, 502, 503, 504)
_ONCE = ("429", "429 with Retry-After", "500", "reset", "html", "not json", "no data")


def _changed(name: str, value: Any) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda items: [item | {name: value} for item in items]


# What is done to the items of every answer.
_CHANGES: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "an item is missing": lambda items: items[1:],
    "an item comes twice": lambda items: [*items, items[0]],
    "nothing": lambda _: [],
    "the index is another": _changed("index", 7_000),
    "the index is negative": _changed("index", -1),
    "the index is text": _changed("index", "0\n::error::"),
    "all have one index": _changed("index", 0),
    "a vector is null": _changed("embedding", None),
    "a vector is text": _changed("embedding", "\x1b[31m no base64 \u202e"),
    "a vector is empty": _changed("embedding", []),
    "a vector is nested": _changed("embedding", [[1.0]]),
    "a vector is NaN": _changed("embedding", [float("nan")] * 8),
    "a vector is zero": _changed("embedding", [0.0] * 8),
    "a vector is huge": _changed("embedding", [1e300] * 8),
    "a vector is short": lambda items: [items[0] | {"embedding": [1.0] * 3}, *items[1:]],
}  # fmt: skip


def trials() -> Iterator[Trial]:
    """Yield the trials: 7 faults that pass, 12 statuses, 15 wrong answers."""
    for fault in _ONCE:
        yield Trial(f"{fault}, once", partial(_attempt, {"faults": chain([fault], repeat(""))}))
    for status in _STATUSES:
        yield Trial(f"always {status}", partial(_attempt, {"faults": repeat(str(status))}))
    for name, change in _CHANGES.items():
        yield Trial(name, partial(_attempt, {"change": change}))


def _attempt(settings: dict[str, Any], folder: Path) -> str:
    """Embed with the fault, then without; the second time, only what is missing may be paid."""
    problem, paid = "", 0
    with EmbeddingServer(**settings) as server:
        try:
            table = embed(_TABLE, _service(server), folder / "cache").table
        except NewsclustError as error:
            problem = not_plain(error)
            paid = len(set(server.texts)) if settings.keys() == {"faults"} else 0
        else:
            problem = _wrong(table)
    if problem:
        return problem
    with EmbeddingServer() as server:
        again = embed(_TABLE, _service(server), folder / "cache").table
        if len(set(server.texts) & set(_TEXTS)) > len(_TEXTS) - paid + 8:
            return "texts that were paid for are paid for again"
    return _wrong(again)


def _service(server: EmbeddingServer) -> EmbeddingService:
    return EmbeddingService(
        server.model, server.url, "key-1234", batch_size=8, concurrency=2, timeout=5, max_retries=1
    )


def _wrong(table: pa.Table) -> str:
    expected = np.array([vector_of(text) for text in table["doc_id"].to_pylist()])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    if table.num_rows != len(_TEXTS):
        return f"{table.num_rows} vectors"
    return "" if np.allclose(matrix(table), expected, atol=1e-6) else "other vectors"
