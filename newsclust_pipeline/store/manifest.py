"""A Milvus Lite file as a run left it → whether it still is so, without opening it.

To open it is to read all its vectors. A seal beside it says what the file held when it was closed,
every vector compared with the one that was embedded. It is good for as long as no file of Milvus
Lite's has another size or time: whatever writes to them, we or another program, breaks it.
"""

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from newsclust_pipeline.core.files import atomic_path


@dataclass(frozen=True)
class Seal:
    """What a file held.

    Attributes:
        name: what the collection is called, by alias.
        own: its own name.
        index: of its vectors, in a word.
        documents: their ids, and checksums of their vectors.
    """

    name: str
    own: str
    index: str
    documents: dict[str, int]


def checksums(ids: Sequence[str], vectors: np.ndarray) -> dict[str, int]:
    """Sum up the vectors (n, d) of documents, by id."""
    return {doc_id: zlib.crc32(vector) for doc_id, vector in zip(ids, vectors, strict=True)}


def sealed(path: Path) -> Seal | None:
    """Read what a Milvus Lite file holds; None if it has no seal, or a broken one."""
    try:
        told = json.loads(_place(path).read_text(encoding="utf-8"))
        return Seal(**told["held"]) if told["files"] == _files(path) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def put_seal(path: Path, seal: Seal) -> None:
    """Seal a Milvus Lite file that is closed."""
    told = json.dumps({"files": _files(path), "held": asdict(seal)})
    with atomic_path(_place(path)) as temporary:
        temporary.write_text(told, encoding="utf-8")


def _place(path: Path) -> Path:
    return path.with_name(f"{path.name}.seal")


def _files(path: Path) -> str:
    """Digest names, sizes and times of all that lies in a Milvus Lite file, which is a folder."""
    found = sorted(
        (str(file.relative_to(path)), file.stat().st_size, file.stat().st_mtime_ns)
        for file in path.rglob("*")
        if file.is_file()
    )
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()
