"""Every error that a user can cause or mend. A message says what is wrong and what to do next."""


class NewsclustError(Exception):
    """Base of all errors whose message alone is enough: no traceback is needed to act on it."""


class SettingError(NewsclustError):
    """A setting (environment variable or run config) has a value that can't work."""


class DumpError(NewsclustError):
    """A news dump can't be read at all. Single bad rows are set aside, they raise nothing."""


class ServiceError(NewsclustError):
    """A service can't be used."""


class EmbeddingError(NewsclustError):
    """The embedder can't be loaded, or gave vectors that can't be used."""


class CollectionError(NewsclustError):
    """The Milvus collection can't be opened, written or searched."""


class HistoryError(NewsclustError):
    """The stories' history can't be read, or is not the one that stories were named by."""


class RoomError(NewsclustError):
    """There is no room on disk for what a stage keeps there while it works."""
