"""Errors that a user can cause or fix. A message says what is wrong, where, and what to do next.

Code below `defs/` does not know the names of the settings. A message refers to a parameter in
backquotes, as `component.parameter`: "Set `embedder.model` to a folder." `defs/settings.py`
replaces the reference by the name of the setting: "Set NEWSCLUST_EMBEDDER_MODEL to a folder."
"""

from newsclust_pipeline.core.text import without_controls


class NewsclustError(Exception):
    """Base class of all errors whose message is enough to act on, without a traceback.

    A message is one line, whatever the names, texts and answers that it quotes contain.
    """

    def __str__(self) -> str:
        """Return the message on one line, without control characters."""
        return without_controls(super().__str__().strip())


class SettingError(NewsclustError):
    """A parameter has a value that can't work."""


class DumpError(NewsclustError):
    """A news dump can't be read at all. Single bad rows are set aside, they raise nothing."""


class ServiceError(NewsclustError):
    """A service can't be used."""


class EmbeddingError(NewsclustError):
    """The embedder can't be loaded, or gave vectors that can't be used."""


class CollectionError(NewsclustError):
    """The Milvus collection can't be opened, written or searched."""


class DamagedCollectionError(CollectionError):
    """The Milvus collection fails or lacks what was written to it; its file may be damaged."""


class HistoryError(NewsclustError):
    """The stories' history can't be read, or is not the one that stories were named by."""


class DiskSpaceError(NewsclustError):
    """A stage can't write temporary files because the disk is full or not writable."""


class FileError(NewsclustError, OSError):
    """A file can't be read or written, for a reason that is not its content."""


class FeedsError(NewsclustError):
    """The state of the feeds cannot be read or written. A broken feed raises nothing."""


class EngineError(NewsclustError):
    """The cluster of workers can't be used, or has lost too much of itself to go on."""
