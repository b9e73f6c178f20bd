"""A Milvus client whose calls are retried and whose errors are plain sentences."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.store.batches import batches
from newsclust_pipeline.store.manifest import Manifest
from newsclust_pipeline.store.owner import Owner
from newsclust_pipeline.store.retries import TranslateError, retry

if TYPE_CHECKING:
    from pymilvus import MilvusClient

T = TypeVar("T")

PAGE_ROWS = 16_384  # the most rows that a server returns at once, and the most queries it accepts
_LOAD_SECONDS = 1800  # the longest time that a collection may take to load or to be indexed
_BYTES_PER_HIT = 64  # an id, a score and their overhead


class Client:
    """A `MilvusClient` that retries its calls and raises `CollectionError`.

    Every method of `MilvusClient` is available. The methods defined here replace or add to them.

    Attributes:
        is_lite: whether this is Milvus Lite, whose vectors are quickly read back.
        is_private: whether everything in it belongs to the owner: a file in the data folder.
        owner: on whose behalf collections are created, written and dropped.
        manifest: what the collection is known to contain without opening it; only for a Milvus Lite
            file that is unchanged since its last run, and only before the first call.
        reopen: opens another connection to the same server, also in another process; None for
            Milvus Lite, whose file one process has open. It contains the token.
    """

    is_lite = False
    is_private = False
    manifest: Manifest | None = None
    reopen: Callable[[], AbstractContextManager["Client"]] | None = None

    def __init__(
        self,
        open_client: Callable[[], "MilvusClient"],
        owner: Owner,
        translate_error: TranslateError,
        patience: float = 0,
    ) -> None:
        """Create a client; it is opened by its first call.

        Args:
            open_client: returns the client that does the work.
            owner: the owner of the collections.
            translate_error: returns the error to raise for a call that failed for good.
            patience: seconds during which failed calls are repeated.
        """
        self._open_client = open_client
        self.owner = owner
        self._translate_error = translate_error
        self._patience = patience

    @cached_property
    def _client(self) -> "MilvusClient":
        return self._open_client()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self._call, name)

    def record_manifest(self, manifest: Manifest) -> None:
        """Record what the collection contains, where that can be kept beside it."""

    def write(
        self, collection: str, documents: pa.Table, vectors: np.ndarray, progress: Progress
    ) -> None:
        """Write documents and their vectors; a document with a stored id replaces it.

        Args:
            collection: the collection's name.
            documents: columns id, text, checksum.
            vectors: (n, d) float32.
            progress: called with documents written and documents to write.
        """
        sizes = vectors.itemsize * vectors.shape[1] + pc.binary_length(documents["text"]).to_numpy()
        for batch in batches(sizes.tolist()):
            rows = documents.slice(batch.start, batch.stop - batch.start).to_pylist()
            pairs = zip(rows, vectors[batch], strict=True)
            self.upsert(collection, [row | {"embedding": vector} for row, vector in pairs])
            progress(batch.stop, documents.num_rows)

    def vectors(self, collection: str) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yield the ids (n,) and vectors (n, d) of all documents; only of Milvus Lite."""
        raise NotImplementedError

    def search(self, collection: str, data: np.ndarray, limit: int, **options: Any) -> list[Any]:
        """Search queries (q, d), in as many calls as needed, among everything written before."""
        size = max(data.itemsize * data.shape[1], limit * _BYTES_PER_HIT)
        search = partial(self._call, "search", collection, limit=limit, **options)
        return [hits for batch in batches([size] * len(data)) for hits in search(data=data[batch])]

    def create_collection(self, collection: str, **options: Any) -> None:
        """Create a collection, unless a former attempt of the same call has created it."""

        def create() -> None:
            if not self._client.has_collection(collection):
                self._client.create_collection(collection, **options)

        self._retry(create)

    def settle(self, collection: str, field: str) -> None:
        """Flush what was written and wait until it is indexed, at most half an hour.

        Milvus Lite searches unflushed rows far more slowly. A server searches rows that wait for
        their index in a temporary one, of lower recall.
        """
        self.flush(collection)
        end = time.monotonic() + _LOAD_SECONDS
        while time.monotonic() < end:
            index = self.describe_index(collection, field)
            if not index.get("pending_index_rows") or index["state"] == "Failed":
                return
            time.sleep(0.5)

    def load_collection(self, collection: str) -> None:
        """Load a collection into the server's memory, and wait until it is loaded."""
        self._call("load_collection", collection, timeout=_LOAD_SECONDS)

    def count(self, collection: str) -> int:
        """Return how many documents a collection contains now."""
        rows = self.query(collection, filter="", output_fields=["count(*)"])
        return int(rows[0]["count(*)"])

    def checksums(self, collection: str) -> dict[str, int]:
        """Return the stored checksum of every document, by id, however many."""
        return self._retry(partial(self._read_checksums, collection))

    def _read_checksums(self, collection: str) -> dict[str, int]:
        pages = self._client.query_iterator(
            collection, batch_size=PAGE_ROWS, output_fields=["id", "checksum"]
        )
        try:
            return {row["id"]: row["checksum"] for page in iter(pages.next, []) for row in page}
        finally:
            pages.close()

    def _call(self, method: str, *args: Any, **options: Any) -> Any:
        return self._retry(partial(getattr(self._client, method), *args, **options))

    def _retry(self, call: Callable[[], T]) -> T:
        return retry(call, self._translate_error, self._patience)
