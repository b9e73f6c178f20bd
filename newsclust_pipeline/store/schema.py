"""The schema and the index of a collection."""

from newsclust_pipeline.store.client import Client
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.store.ownership import Record

# All vectors have unit length, so the largest inner product is the smallest Euclidean distance,
# and Milvus Lite searches it in far less time and memory than L2.
METRIC = "IP"
TEXT_BYTES = 65_535  # the limit of Milvus for VARCHAR


def create_collection(client: Client, collection: str, dimension: int, record: Record) -> None:
    """Create a collection with the fields id, embedding, text and checksum (of the embedding)."""
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=dimension)
    schema.add_field("text", DataType.VARCHAR, max_length=TEXT_BYTES)
    schema.add_field("checksum", DataType.INT64)
    client.create_collection(
        collection, schema=schema, consistency_level="Strong", properties=record.properties
    )


def ensure_index(client: Client, collection: str, index: Index) -> None:
    """Build this index, unless the vectors have it; a different one is dropped."""
    replaces = "embedding" in client.list_indexes(collection)
    if replaces:
        if _is_built(client.describe_index(collection, "embedding"), index):
            return
        client.release_collection(collection)
        client.drop_index(collection, "embedding")
    params = client.prepare_index_params()
    # Nested: Milvus Lite loses parameters that are not, and a server accepts both.
    build = {"params": {"params": dict(index.build)}} if index.build else {}
    params.add_index("embedding", index_type=index.kind, metric_type=METRIC, **build)
    # Its client waits for half a second, also where the collection is empty, or where Milvus Lite
    # has built the index before it answers.
    client.create_index(collection, params, sync=replaces and not client.is_lite)


def _is_built(description: dict[str, object], index: Index) -> bool:
    nested = description.get("params", {})  # Milvus Lite nests the parameters, a server doesn't
    values = description | (nested if isinstance(nested, dict) else {})
    built = {name: int(str(values.get(name, 0))) for name in index.build}
    return description["index_type"] == index.kind and built == index.build
