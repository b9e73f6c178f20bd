"""A Milvus server or cluster, over the network."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any
from urllib.parse import unquote

import numpy as np

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.imports import import_pymilvus
from newsclust_pipeline.store.addresses import parse_address
from newsclust_pipeline.store.client import Client
from newsclust_pipeline.store.logs import silenced
from newsclust_pipeline.store.owner import Owner
from newsclust_pipeline.store.retries import brief_message, error_code, is_transient, retry

_START_PATIENCE = 30.0  # the address may be wrong: don't let its owner wait for longer
_CALL_SECONDS = 600  # the longest time for one call; a dead server is noticed within 15
_SERVICE_CONFIG = f'{{"methodConfig": [{{"name": [{{}}], "timeout": "{_CALL_SECONDS}s"}}]}}'
_REFUSED = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED", 1400, 1401, 1800})
_FULL = frozenset({3, 7, 9, 102, 250})


class ServerClient(Client):
    """A client of a server, whose searches see everything that was written before.

    By default a server ignores the writes of the last seconds. Strong consistency makes every call
    wait for a tick of the server's clock, a fifth of a second. One timestamp of that clock, taken
    after the last write, serves all searches.
    """

    _timestamp = 0

    def search(self, collection: str, data: np.ndarray, limit: int, **options: Any) -> list[Any]:
        """Search queries (q, d), in as many calls as needed, among everything written before."""
        if not self._timestamp:
            # Private in pymilvus 3.0: `MilvusClient` has no public access to the server's clock.
            self._timestamp = self._retry(self._client._handler.alloc_timestamp)
        options |= {"consistency_level": "Customized", "guarantee_timestamp": self._timestamp}
        return super().search(collection, data, limit, **options)

    def _call(self, method: str, *args: Any, **options: Any) -> Any:
        if method != "search":
            self._timestamp = 0  # the call may write
        return super()._call(method, *args, **options)


@contextmanager
def open_server(
    uri: str, owner: Owner, token: str | None, patience: float
) -> Iterator[ServerClient]:
    """Connect to a server.

    Raises:
        CollectionError: the address is malformed, or the server refuses or doesn't answer.
    """
    import_pymilvus()
    from pymilvus import MilvusClient

    parts = parse_address(uri)
    # User and password are passed apart from the address, so that no message prints them.
    secret = token or ":".join(unquote(s) for s in (parts.username, parts.password) if s)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    connect = partial(
        MilvusClient,
        address,
        token=secret,
        dedicated=True,  # a shared connection would stay open
        timeout=10,
        grpc_options={"grpc.service_config": _SERVICE_CONFIG},
    )
    translate_error = partial(_translate_error, address, secret)
    with silenced():
        client = retry(connect, translate_error, min(patience, _START_PATIENCE))
        with closing(client):
            yield ServerClient(lambda: client, owner, translate_error, patience)


def _translate_error(address: str, secret: str, error: Exception) -> CollectionError:
    code, message = error_code(error), brief_message(error)
    for word in filter(None, [secret, secret.partition(":")[2]]):
        message = message.replace(word, "…")
    if code in _REFUSED:
        advice = "Check `milvus.token` and the rights of its user."
    elif code in _FULL:
        advice = "Free some space on the server, then run again."
    elif is_transient(error):
        advice = (
            "Is the server running, and is `milvus.uri` right? Everything written so far is "
            "kept: run again when the server answers."
        )
    else:
        advice = "Is this a Milvus server of version 2.3 or newer?"
    return CollectionError(f"{address}: the Milvus server fails ({code}: {message}). {advice}")
