"""Which collections belong to this pipeline."""

import re

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store.client import Client


def served_collection(client: Client, alias: str) -> str | None:
    """Return the collection that the alias points to; None if there is no such alias.

    Raises:
        CollectionError: something else than this pipeline uses the name.
    """
    if not client.has_collection(alias):
        return None
    is_collection = alias in client.list_collections()
    served = alias if is_collection else str(client.describe_alias(alias)["collection_name"])
    if not is_own(served, alias):
        raise CollectionError(
            f"collection {alias}: created by something else (this pipeline's is an alias of "
            f"{alias}_…). Set `milvus.collection` to another name, or remove that "
            "collection yourself."
        )
    return served


def publish(client: Client, alias: str, previous: str | None, collection: str) -> None:
    """Move the alias to the complete collection, and drop those of other embedders."""
    if previous is None:
        client.create_alias(collection, alias)
    elif previous != collection:
        client.alter_alias(collection, alias)
    for other in client.list_collections():
        if other != collection and is_own(other, alias):
            client.drop_collection(other)


def is_own(collection: str, alias: str) -> bool:
    """Return True if the name is that of a collection of this pipeline, for any embedder."""
    return re.fullmatch(rf"{re.escape(alias)}_[0-9a-f]{{12}}", collection) is not None
