"""What a Milvus Lite file contains, recorded beside it.

Opening the file means reading all its vectors. The manifest says what the file contained when it
was closed, after every vector had been compared with the embedded one. It is valid as long as no
file inside has another size or time: every write, by the pipeline or another program, invalidates
it. A manifest that does not match its checksum is not valid either.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from newsclust_pipeline.core.checksums import add_checksum, verify_checksum
from newsclust_pipeline.core.files import atomic_path


@dataclass(frozen=True)
class Manifest:
    """The content of a collection.

    Attributes:
        alias: the name under which the collection is used.
        collection: the collection's own name.
        index: kind and parameters of its index.
        documents: the checksum of every document's vector, by id.
    """

    alias: str
    collection: str
    index: str
    documents: dict[str, int]


def read_manifest(path: Path) -> Manifest | None:
    """Return what a Milvus Lite file contains; None without a valid manifest."""
    try:
        record = verify_checksum(json.loads(_manifest_path(path).read_text(encoding="utf-8")))
        return Manifest(**record["contents"]) if record["files"] == _files_digest(path) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest of a Milvus Lite file that is closed."""
    record = {"files": _files_digest(path), "contents": asdict(manifest)}
    with atomic_path(_manifest_path(path)) as temporary:
        temporary.write_text(json.dumps(add_checksum(record)), encoding="utf-8")


def _manifest_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.manifest")


def _files_digest(path: Path) -> str:
    """Return a digest of the names, sizes and times of the files in a Milvus Lite folder."""
    files = sorted(
        (str(file.relative_to(path)), file.stat().st_size, file.stat().st_mtime_ns)
        for file in path.rglob("*")
        if file.is_file()
    )
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()
