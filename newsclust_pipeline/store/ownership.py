"""Which collections belong to this pipeline. Everything else is neither used, emptied nor dropped.

Every collection records in its properties who created it (see `owner`), for which alias, its own
name and the last write. A collection that was renamed, or restored under another name, no longer
agrees with its record: it belongs to whoever did that.

A Milvus Lite file inside the data folder belongs to the folder, even if the folder's id was lost,
or if the file was copied with the folder. Only there a collection without a record, of version 0.1,
is taken over.
"""

import hashlib
import re
from dataclasses import asdict, dataclass, replace

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store.client import Client

_PREFIX = "newsclust."
_SCHEMA = 2  # version 1 had no checksums


@dataclass(frozen=True)
class Record:
    """What a collection says about itself.

    Attributes:
        owner: id of the owner that created it.
        alias: the alias that it was created for.
        collection: its own name when it was created.
        write: id of the last write, or of its creation.
    """

    owner: str
    alias: str
    collection: str
    write: str

    @property
    def properties(self) -> dict[str, str]:
        """The record as properties of a collection."""
        return {f"{_PREFIX}{name}": value for name, value in asdict(self).items()}


def collection_name(client: Client, alias: str, vector_space: str) -> str:
    """Return the name of the owner's collection for an alias and a vector space.

    On a server, two owners that use one alias at the same time must not meet in one collection.
    """
    owner = "" if client.is_private else client.owner.id
    digest = hashlib.sha256(f"{_SCHEMA} {owner} {vector_space}".encode()).hexdigest()[:12]
    return f"{alias}_{digest}"


def served_collection(client: Client, alias: str) -> str | None:
    """Return the collection that the alias points to; None if there is no such alias.

    Raises:
        CollectionError: the name belongs to something else than this pipeline.
    """
    if not client.has_collection(alias):
        return None
    served = _resolve(client, alias)
    if not (client.is_private and _is_version_1(client, served, alias)):
        verify_owned(client, served, alias)
    return served


def verify_owned(client: Client, collection: str, alias: str) -> Record:
    """Return the record of a collection that belongs to this pipeline.

    Raises:
        CollectionError: it belongs to something else. The message says to what, and what to do.
    """
    record = read_record(client, collection)
    name = alias if alias == collection else f"{alias} ({collection})"
    if record is None or (record.alias, record.collection) != (alias, collection):
        raise CollectionError(
            f"collection {name}: not created by this pipeline under this name, so it stays as it "
            "is. Set `milvus.collection` to another name, or remove that collection yourself."
        )
    if client.is_private:
        return record
    if record.owner != client.owner.id:
        raise CollectionError(
            f"collection {name}: belongs to another data folder (owner {record.owner}; this one is "
            f"{client.owner.id}), so it stays as it is. Set `milvus.collection` to another name. "
            "If the collection is yours, because this folder has lost its id, set `milvus.owner` "
            f"to {record.owner}."
        )
    if not client.owner.has_written(record.write):
        raise CollectionError(
            f"collection {name}: another copy of this data folder has written to it, so it stays "
            "as it is. Set `milvus.collection` to another name. If there is no other copy, because "
            f"this folder was restored from a backup, set `milvus.owner` to {record.owner}."
        )
    return record


def read_record(client: Client, collection: str) -> Record | None:
    """Return what a collection says about itself; None without a complete record."""
    properties = client.describe_collection(collection).get("properties") or {}
    values = {name: properties.get(f"{_PREFIX}{name}") for name in Record.__dataclass_fields__}
    if None in values.values():
        return None
    return Record(**{name: str(value) for name, value in values.items()})


def new_record(client: Client, alias: str, collection: str) -> Record:
    """Return the record of a collection that is about to be created."""
    return Record(client.owner.id, alias, collection, client.owner.new_write())


def record_write(client: Client, alias: str, collection: str) -> None:
    """Record in the collection that this owner is about to write to it.

    Raises:
        CollectionError: the collection belongs to something else.
    """
    record = verify_owned(client, collection, alias)
    record = replace(record, owner=client.owner.id, write=client.owner.new_write())
    client.alter_collection_properties(collection, properties=record.properties)


def publish(client: Client, alias: str, previous: str | None, collection: str) -> list[str]:
    """Move the alias to the complete collection, and drop the owner's former ones.

    Returns:
        The former collections that were not dropped, since other aliases point to them.

    Raises:
        CollectionError: another owner has taken the alias in the meantime.
    """
    if previous is None:
        _create_alias(client, alias, collection)
    elif previous != collection:
        client.alter_alias(collection, alias)
    former = [name for name in client.list_collections() if _is_former(client, name, alias)]
    if previous not in {None, collection}:
        former = sorted({*former, previous})
    aliased = []
    for name in former:
        if name == collection:
            continue
        if client.list_aliases(name)["aliases"]:
            aliased.append(name)
        else:
            client.drop_collection(name)
    return aliased


def _create_alias(client: Client, alias: str, collection: str) -> None:
    try:
        client.create_alias(collection, alias)
    except CollectionError:
        if not client.has_collection(alias) or _resolve(client, alias) == collection:
            raise
        client.drop_collection(collection)  # created by this run, and of no use without its alias
        served_collection(client, alias)
        raise


def _resolve(client: Client, alias: str) -> str:
    """Return the collection that a name stands for."""
    if alias in client.list_collections():
        return alias
    return str(client.describe_alias(alias)["collection_name"])


def _is_former(client: Client, collection: str, alias: str) -> bool:
    """Return True for a collection of this owner and alias, of any embedder."""
    if not _has_own_name(collection, alias):
        return False
    record = read_record(client, collection)
    if record is None or (record.alias, record.collection) != (alias, collection):
        return False
    return client.is_private or record.owner == client.owner.id


def _is_version_1(client: Client, collection: str, alias: str) -> bool:
    """Return True for a collection of version 0.1, which has no record, by its name and columns."""
    if not _has_own_name(collection, alias):
        return False
    description = client.describe_collection(collection)
    fields = [field["name"] for field in description["fields"]]
    return not description.get("properties") and fields == ["id", "embedding", "text"]


def _has_own_name(collection: str, alias: str) -> bool:
    return re.fullmatch(rf"{re.escape(alias)}_[0-9a-f]{{12}}", collection) is not None
