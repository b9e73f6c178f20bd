"""The files of a model: in a local folder, or downloaded from a hub at a known commit."""

import hashlib
import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from newsclust_pipeline.core.errors import EmbeddingError, NewsclustError, SettingError

REPLACE = "Copy or download the model again, or set `embedder.model` to another folder or id."
HUBS = {"huggingface": "the Hugging Face hub", "modelscope": "ModelScope"}
# Files with these suffixes can change a vector.
_RELEVANT = {".safetensors", ".bin", ".pt", ".json", ".txt", ".model", ".jinja"}
_UNUSED = ["onnx/*", "openvino/*", "*.onnx*", "*.h5", "*.ot", "*.msgpack", "*.gguf", "imgs/*"]


class ModelFiles:
    """The files of a model, which a user names by a folder or by its id on a hub."""

    def __init__(self, model: str, hub: str = "huggingface", hub_timeout: float = 10.0) -> None:
        """Set the model.

        Args:
            model: a local folder, or an id on the hub, such as BAAI/bge-m3.
            hub: huggingface or modelscope.
            hub_timeout: seconds to wait for an answer of the Hugging Face hub.

        Raises:
            SettingError: there is no such hub.
        """
        if hub not in HUBS:
            raise SettingError(f"`embedder.hub`={hub}: no such hub. Set it to {' or '.join(HUBS)}.")
        self._model, self._hub, self._hub_timeout = model, hub, hub_timeout

    @cached_property
    def revision(self) -> str:
        """The version of the files: the commit on the Hugging Face hub, or a digest of the folder.

        A commit that is already on this machine is used, so that the version stays the same. If
        there is none, the hub is asked for the newest. ModelScope's client doesn't record commits,
        so its files are identified by their content.

        Raises:
            EmbeddingError: the folder or model doesn't exist, or the hub can't be reached.
        """
        if self._local or self._hub == "modelscope":
            return _digest(self.folder())
        cached = self._cached()
        return cached.name if cached else self._newest()

    def folder(self) -> Path:
        """Return the folder with the files; download them if needed.

        Raises:
            EmbeddingError: they can't be read or downloaded.
        """
        return self._folder

    @cached_property
    def _folder(self) -> Path:
        download = self._from_modelscope if self._hub == "modelscope" else self._snapshot
        return self._local or download()

    @cached_property
    def _local(self) -> Path | None:
        """The local folder; None if the model is an id on the hub."""
        folder = Path(self._model).expanduser()
        if folder.is_dir():
            return folder
        if not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", self._model):
            raise EmbeddingError(
                f"{self._model}: no such folder, and not an id on {HUBS[self._hub]}, which looks "
                "like BAAI/bge-m3. Set `embedder.model` to one of the two."
            )
        return None

    def _cached(self, commit: str | None = None) -> Path | None:
        """Return the snapshot in the hub's cache on this machine; None if it isn't complete."""
        from huggingface_hub import snapshot_download

        try:
            folder = snapshot_download(
                self._model, revision=commit, local_files_only=True, ignore_patterns=_UNUSED
            )
        except (OSError, ValueError):  # absent or incomplete; not a valid id
            return None
        return Path(folder)

    def _newest(self) -> str:
        """Return the model's newest commit on the hub."""
        from huggingface_hub import HfApi

        with translate_errors(
            f"{self._model}: no such folder, and the Hugging Face hub has no such model",
            "Check `embedder.model` and the network, or set it to a local folder.",
            chained=False,
        ):
            return str(HfApi().model_info(self._model, timeout=self._hub_timeout).sha)

    def _snapshot(self) -> Path:
        from huggingface_hub import snapshot_download

        cached = self._cached(self.revision)
        # Another program may have downloaded only some of the files. Without this one the model
        # would load with another pooling, and without an error.
        if cached and (cached / "modules.json").is_file():
            return cached
        self._newest()  # fails within seconds, while a download would wait for minutes
        with translate_errors(
            f"{self._model}: the download failed",
            "Run again: the download continues where it stopped.",
            chained=False,
        ):
            folder = Path(
                snapshot_download(self._model, revision=self.revision, ignore_patterns=_UNUSED)
            )
            _set_main(folder)
        return folder

    def _from_modelscope(self) -> Path:
        """Return the folder of the model in ModelScope's cache; download what is missing."""
        if importlib.util.find_spec("modelscope_hub") is None:
            raise EmbeddingError(
                "`embedder.hub`=modelscope needs a package that is not installed: "
                "pip install 'newsclust_pipeline[modelscope]'"
            )
        from modelscope_hub import HubApi, HubConfig
        from modelscope_hub.errors import CacheNotFound

        hub = HubApi(config=HubConfig())  # the default configuration may be an older one
        with suppress(CacheNotFound):
            cached = Path(hub.download_repo(self._model, "model", local_files_only=True))
            if _has_weights(cached):
                return cached
        with translate_errors(
            f"{self._model}: no such folder, and the download from ModelScope failed",
            "Check `embedder.model` and the network, or set it to a local folder.",
            chained=False,
        ):
            return Path(hub.download_repo(self._model, "model", ignore_patterns=_UNUSED))


def _has_weights(folder: Path) -> bool:
    """Return whether a download is complete, as far as the files that no model lacks show it."""
    names = {path.name for path in folder.iterdir()}
    weights = {"model.safetensors", "pytorch_model.bin", "model.safetensors.index.json"}
    return bool(weights & names) and {"config.json", "tokenizer_config.json"} <= names


def _set_main(folder: Path) -> None:
    """Register a snapshot as the branch main, so that the next run finds it without its commit.

    The client does so only for downloads by branch name.
    """
    main = folder.parents[1] / "refs" / "main"
    if not main.exists():
        main.parent.mkdir(exist_ok=True)
        main.write_text(folder.name)


def _digest(folder: Path) -> str:
    """Return a digest of the names and contents of all files that can change a vector."""
    digest = hashlib.sha256()
    with translate_errors(f"{folder}: can't be read", REPLACE):
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            hidden = any(part.startswith(".") for part in name.parts)
            if path.suffix in _RELEVANT and not hidden and path.is_file():
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                digest.update(f"{content} {name.as_posix()}\n".encode())
    return digest.hexdigest()


@contextmanager
def translate_errors(defect: str, remedy: str, *, chained: bool = True) -> Iterator[None]:
    """Raise any error of a library as an `EmbeddingError` with the defect and its remedy.

    Errors of a hub's client must not be chained: they may contain addresses with credentials.
    """
    try:
        yield
    except NewsclustError:
        raise
    except Exception as error:  # noqa: BLE001 (they have no base class in common)
        message = f"{defect} ({summarize(error)}). {remedy}"
        raise EmbeddingError(message) from (error if chained else None)


def summarize(error: Exception) -> str:
    """Return an error's type and first line, without credentials in addresses."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {re.sub(r'//[^/@ ]*@', '//', lines[0])}"
