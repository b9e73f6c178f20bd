"""Helpers for Arrow tables that several stages share."""

import zlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def lists_of(kind: pa.DataType) -> pa.ListType:
    """Return the list type with the field name that Parquet gives back ("element")."""
    return pa.list_(pa.field("element", kind))


def matrix(table: pa.Table) -> np.ndarray:
    """Return the embedding column as an array (n, dimension) of float32.

    A table of one chunk is viewed, not copied.
    """
    column = table["embedding"]
    vectors = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    width = table.schema.field("embedding").type.list_size
    return np.asarray(vectors.flatten()).reshape(-1, width)


def checksums(vectors: np.ndarray) -> np.ndarray:
    """Return the CRC-32 of every row of an array (n, d): (n,) int64."""
    return np.fromiter((zlib.crc32(row.data) for row in vectors), np.int64, len(vectors))


def embedded_texts(articles: pa.Table) -> pa.ChunkedArray:
    """Return what is embedded of each article: `embedded_text`, or `text` where that is null."""
    if "embedded_text" not in articles.column_names:
        return articles["text"]
    return pc.coalesce(articles["embedded_text"], articles["text"])


def sort_by_id(table: pa.Table, doc_id: np.ndarray) -> pa.Table:
    """Return the rows of documents (n,) in their order; the table itself if it has that order.

    Raises:
        ValueError: a document is missing from the table.
    """
    ids = pa.chunked_array([pa.array(doc_id.tolist(), pa.string())])
    return table if table["doc_id"].equals(ids) else join(pa.table({"doc_id": ids}), table)


def vectors_of(table: pa.Table, doc_id: np.ndarray) -> np.ndarray:
    """Return the embeddings of documents (n,) in their order, (n, dimension) float32.

    Raises:
        ValueError: a document is missing from the table.
    """
    return matrix(sort_by_id(table, doc_id))


def join(documents: pa.Table, *others: pa.Table) -> pa.Table:
    """Append the columns of other tables by doc_id; rows keep the order of the first table.

    Raises:
        ValueError: a document is missing from one of the others.
    """
    for other in others:
        rows = pc.index_in(documents["doc_id"], other["doc_id"])
        if rows.null_count:
            raise ValueError(
                f"{rows.null_count} of {documents.num_rows} documents are missing from one stage. "
                "Materialise all assets again, from raw_news on."
            )
        matched = other.take(rows)
        for name in (n for n in other.column_names if n != "doc_id"):
            documents = documents.append_column(other.schema.field(name), matched[name])
    return documents
