"""How Milvus is opened: a file by Milvus Lite, an address as a server."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
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
    with opened as client:
        if is_server(uri):
            client.reopen = partial(connect, uri, owner, token, patience)
        yield client
