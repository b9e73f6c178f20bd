"""How Milvus is opened: a file by Milvus Lite, an address as a server."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from newsclust_pipeline.store.addresses import is_server
from newsclust_pipeline.store.client import Client
from newsclust_pipeline.store.lite import open_lite
from newsclust_pipeline.store.owner import Owner
from newsclust_pipeline.store.server import open_server

PATIENCE = 180.0  # seconds during which failed calls are repeated; a restart takes 10 to 60


@contextmanager
def connect(
    uri: str, owner: Owner, token: str | None = None, patience: float = PATIENCE
) -> Iterator[Client]:
    """Open Milvus, and close it at the end of the block.

    A file is locked for this process at once, but opened only by the first call.

    Args:
        uri: a path that ends in .db, or http(s)://…, which may contain user:password@.
        owner: the owner of the collections; see `owner`.
        token: for a server that requires one; or user:password.
        patience: seconds during which failed calls are repeated while a server is down.

    Raises:
        CollectionError: Milvus can't be opened; later, a call failed for good. The message says
            why, as far as Milvus says it, and never contains the token.
    """
    if is_server(uri):
        opened: AbstractContextManager[Client] = open_server(uri, owner, token, patience)
    else:
        opened = open_lite(Path(uri), owner)
    with _silenced("pymilvus", "milvus_lite", "grpc"), opened as client:
        yield client


@contextmanager
def _silenced(*names: str) -> Iterator[None]:
    """Suppress the loggers' tracebacks of calls that are retried or reported as an error."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
