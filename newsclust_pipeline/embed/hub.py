"""Where a model's files are, and what names them: a local folder, or a commit on the hub."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from newsclust_pipeline.core.errors import EmbeddingError, NewsclustError

REPLACE = (
    "Copy or download the model again, or set NEWSCLUST_EMBEDDER_MODEL to another folder or id."
)
_DECISIVE = {".safetensors", ".bin", ".pt", ".json", ".txt", ".model", ".jinja"}
_UNUSED = ["onnx/*", "openvino/*", "*.onnx*", "*.h5", "*.ot", "*.msgpack", "*.gguf", "imgs/*"]


class ModelFiles:
    """The files of a model that a user names by a folder, or by an id on the Hugging Face hub."""

    def __init__(self, model: str, hub_timeout: float = 10.0) -> None:
        """Name the model.

        Args:
            model: a local folder, or an id on the hub, such as BAAI/bge-m3.
            hub_timeout: seconds until a hub that says nothing counts as out of reach.
        """
        self._model, self._hub_timeout = model, hub_timeout

    @cached_property
    def revision(self) -> str:
        """What tells these files from others: a digest of the folder, or the commit on the hub.

        Of a hub's model it is the commit that is on this machine, so it stays. Only where there is
        none, the hub is asked for its newest.

        Raises:
            EmbeddingError: there is no such folder, or no such model, or no way to the hub.
        """
        if self._local:
            return _digest(self._local)
        here = self._here()
        return here.name if here else self._newest()

    def folder(self) -> Path:
        """Give the folder with the files, downloaded if they must be.

        Raises:
            EmbeddingError: they can't be had.
        """
        return self._local or self._snapshot()

    @cached_property
    def _local(self) -> Path | None:
        """The local folder that is meant; None for an id on the hub."""
        folder = Path(self._model).expanduser()
        if folder.is_dir():
            return folder
        if not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", self._model):
            raise EmbeddingError(
                f"{self._model}: no such folder, nor an id on the Hugging Face hub, which would "
                "look like BAAI/bge-m3. Set NEWSCLUST_EMBEDDER_MODEL to one of the two."
            )
        return None

    def _here(self, commit: str | None = None) -> Path | None:
        """Find a snapshot in the hub's cache on this machine; None unless it seems whole."""
        from huggingface_hub import snapshot_download

        try:
            found = snapshot_download(
                self._model, revision=commit, local_files_only=True, ignore_patterns=_UNUSED
            )
        except (OSError, ValueError):  # not there, incomplete; no valid id
            return None
        return Path(found)

    def _newest(self) -> str:
        """Ask the hub for the model's newest commit."""
        from huggingface_hub import HfApi

        with told(
            f"{self._model}: no such folder here, and the Hugging Face hub gives no such model",
            "Check NEWSCLUST_EMBEDDER_MODEL and the network, or set it to a local folder.",
            chained=False,
        ):
            return str(HfApi().model_info(self._model, timeout=self._hub_timeout).sha)

    def _snapshot(self) -> Path:
        from huggingface_hub import snapshot_download

        here = self._here(self.revision)
        # Another program may have fetched some files only. Without this one, pooling would be
        # another, and nothing would tell.
        if here and (here / "modules.json").is_file():
            return here
        self._newest()  # fails in seconds where the download would wait for minutes
        with told(
            f"{self._model}: the download failed",
            "Run again: it goes on where it stopped.",
            chained=False,
        ):
            folder = Path(
                snapshot_download(self._model, revision=self.revision, ignore_patterns=_UNUSED)
            )
            _keep_as_main(folder)
        return folder


def _keep_as_main(folder: Path) -> None:
    """Let the next run find this snapshot by itself: only downloads by name are noted as main."""
    main = folder.parents[1] / "refs" / "main"
    if not main.exists():
        main.parent.mkdir(exist_ok=True)
        main.write_text(folder.name)


def _digest(folder: Path) -> str:
    """Hash the names and contents of all files that can decide a vector."""
    digest = hashlib.sha256()
    with told(f"{folder}: can't be read", REPLACE):
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            hidden = any(part.startswith(".") for part in name.parts)
            if path.suffix in _DECISIVE and not hidden and path.is_file():
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                digest.update(f"{content} {name.as_posix()}\n".encode())
    return digest.hexdigest()


@contextmanager
def told(what: str, remedy: str, *, chained: bool = True) -> Iterator[None]:
    """Turn whatever libraries raise into an error that says what is wrong and what to do.

    What a hub's client raises is not to be chained: addresses in it may hold credentials.
    """
    try:
        yield
    except NewsclustError:
        raise
    except Exception as fault:  # noqa: BLE001 (they have no base in common)
        raise EmbeddingError(f"{what} ({brief(fault)}). {remedy}") from (fault if chained else None)


def brief(fault: Exception) -> str:
    """Give a fault's kind and first line, without credentials that an address may hold."""
    lines = str(fault).strip().splitlines() or [""]
    return f"{type(fault).__name__}: {re.sub(r'//[^/@ ]*@', '//', lines[0])}"
