"""A stage's value → what Dagster records of it: a data version, a row count, a column schema."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import dagster as dg
import numpy as np
import pyarrow as pa

from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.defs.console import last_word
from newsclust_pipeline.defs.settings import name_settings
from newsclust_pipeline.search.graph import Neighbours

T = TypeVar("T")
P = ParamSpec("P")

_ROWS = 1 << 12  # of a table that are copied at one time, however it is cut up

COLUMNS = {
    "doc_id": "The document: 64 bits of its text's hash, hexadecimal.",
    "title": "Headline, cleaned.",
    "description": "Description, cleaned; null if there is none.",
    "text": "Title and description: what is embedded.",
    "published_at": "Time of publication, UTC; null if unknown.",
    "url": "The article's address.",
    "venue": "The outlet.",
    "dump": "The file that the article came from.",
    "copies": "How many identical articles this row stands for, itself included.",
    "venues": "The outlets of all its copies, by name.",
    "embedding": "The text's vector, of unit length.",
    "label": "The story's number in this run, largest first; -1 for noise.",
    "probability": "How surely the document belongs to its story, 0 to 1.",
    "story_id": "The story's id; null for noise.",
    "persistence": "Over what range of densities the story stands, 0 to 1; null for noise.",
    "nearest_story_id": "Of a document in no story: the nearest story, if one is near.",
    "nearest_story_strength": "How near it is, on the scale of probability.",
    "title_source": "headline: of the exemplar; model: found by a language model.",
    "keywords": "What the story speaks of and no other one does, the most telling first.",
    "size": "Articles of the story.",
    "outlets": "Outlets among them.",
    "first_published": "Time of the first dated article, UTC.",
    "last_published": "Time of the last dated article, UTC.",
    "exemplar_doc_id": "The article nearest to all others of the story.",
    "per_day": "Articles by day of publication (UTC), days without any left out.",
    "outlet": "The outlet.",
    "story_title": "The story's title; null for noise.",
    "neighbors": "Rows of the nearest documents in this table, and their distances.",
    "x": "Position on the map.",
    "y": "Position on the map.",
    "z": "Position on the map.",
    "run_id": "The run that saw the change first.",
    "at": "When that run began, UTC.",
    "event": "What became of the story since the run before.",
    "other_story_id": "merged: into which; split: from which; else null.",
    "size_before": "The story's articles in the run before.",
    "size_after": "The story's articles in this run.",
    "shared": "Articles that the two stories compared have in common.",
    "overlap": "Their Jaccard index, over articles that are still there and were in a story.",
    "joined": "Articles (doc_id) that came into the story.",
    "left": "Articles (doc_id) that left it.",
    "silhouette": "How much nearer the own story is than the next, -1 to 1; 0 for noise.",
    "gold": "The true story by the dump's gold column; null if it names none.",
    "min_samples": "Parameter of HDBSCAN.",
    "min_cluster_size": "Parameter of HDBSCAN.",
    "cluster_selection_method": "Parameter of HDBSCAN.",
    "cluster_selection_epsilon": "Parameter of HDBSCAN.",
    "density_validity": "Density-based validity on the spanning tree, -1 to 1.",
    "stability": "Adjusted Rand index to clusterings of random subsets; of the best few only.",
    "subset_agreement": "Adjusted Rand index of these subsets' clusterings to each other.",
    "stories": "How many stories there are.",
    "noise_share": "Share of documents in no story.",
    "largest_story_share": "Share of documents in the largest story.",
}


def result(
    value: T, params: Mapping[str, Any] | None = None, **metadata: Any
) -> dg.MaterializeResult[T]:
    """Wrap a stage's value, its version made from its content and the parameters behind it.

    Tables carry the parameters in their schema's metadata, so that the file tells them, too.
    """
    if isinstance(value, pa.Table):
        table: Any = value
        told = {name: str(parameter) for name, parameter in (params or {}).items()}
        value = table.replace_schema_metadata({**(table.schema.metadata or {}), **told})
        metadata |= described(table)
        version = digest(value)
    else:
        version = digest([params or {}, digest(value)])
    return dg.MaterializeResult(
        value=value, data_version=dg.DataVersion(version), metadata=metadata
    )


def described(table: pa.Table) -> dict[str, Any]:
    """Tell of a table what Dagster shows of every table: rows and columns."""
    return {
        "dagster/row_count": table.num_rows,
        "dagster/column_schema": _column_schema(table.schema),
    }


def digest(value: Any) -> str:
    """Digest a value's content: a table (its schema's metadata included), neighbours, or JSON."""
    held = hashlib.sha256()
    _feed(held.update, value)
    return held.hexdigest()


def plain_errors(stage: Callable[P, T]) -> Callable[P, T]:
    """Turn errors that their message explains into failures that show nothing else.

    Trying again would not mend them, so Dagster is told not to.
    """

    @wraps(stage)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return stage(*args, **kwargs)
        except NewsclustError as error:
            message = name_settings(str(error))
            last_word(message)
            raise dg.Failure(message, allow_retries=False) from None

    return run


def _feed(take: Callable[[bytes], Any], value: Any) -> None:
    """Feed a value's content to a hash, in a form that depends on nothing else."""
    if isinstance(value, pa.Table):
        with pa.ipc.new_stream(pa.PythonFile(_Sink(take), "w"), value.schema) as stream:
            for start in range(0, value.num_rows, _ROWS):
                rows = value.slice(start, _ROWS).combine_chunks()
                # A copy: what is cut out of a larger table drags bits of its neighbours along.
                stream.write_table(rows.take(np.arange(rows.num_rows)))
    elif isinstance(value, Neighbours):
        told = np.array([str(value.k), value.made_of])
        for array in (value.doc_id, value.indices, value.distances, told):
            take(np.ascontiguousarray(array).tobytes())
    elif isinstance(value, str):
        take(value.encode())
    else:
        take(json.dumps(value, sort_keys=True).encode())


class _Sink:
    """A file that hands on what is written to it."""

    closed = False

    def __init__(self, take: Callable[[bytes], Any]) -> None:
        self._take = take

    def write(self, content: bytes) -> int:
        self._take(content)
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True


def _column_schema(schema: pa.Schema) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                field.name,
                str(field.type),
                description=COLUMNS.get(field.name),
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
            for field in schema
        ]
    )
