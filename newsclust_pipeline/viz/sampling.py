"""Choose the documents that a map shows if there are more than a browser draws well.

Noise is thinned before stories, and every story keeps its exemplar and two more documents.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]

MIN_PER_STORY = 3  # documents that every story keeps
MIN_NOISE = 0.1  # share of the map that noise keeps, if there is that much


def thin(points: pa.Table, stories: pa.Table, limit: int) -> pa.Table:
    """Return at most `limit` documents, in their order.

    Noise is dropped first, down to a tenth of the map. Then stories shrink in proportion, but each
    keeps its exemplar and two more documents. The choice depends on the hash of `doc_id` alone, so
    that it is the same in every run. Exemplars stay even if they are more than the limit.

    Args:
        points: one row per document: `doc_id` (string), `label` (int, −1 = in no story).
        stories: one row per story, with its `exemplar_doc_id` if that is known.
        limit: documents to keep.
    """
    if points.num_rows <= limit:
        return points
    labels = points["label"].to_numpy()
    ids = points["doc_id"].combine_chunks()
    # pandas' hash has a fixed key: the order is pseudo-random, and always the same.
    random_key = pd.util.hash_array(ids.to_numpy(zero_copy_only=False).astype(object))
    noise = np.flatnonzero(labels < 0)
    in_story = np.flatnonzero(labels >= 0)
    noise_limit = min(len(noise), max(limit - len(in_story), int(limit * MIN_NOISE)))
    noise_rows = noise[np.argsort(random_key[noise], kind="stable")[:noise_limit]]
    exemplars = _exemplars(ids, stories)[in_story]
    story_rows = in_story[
        _story_sample(labels[in_story], exemplars, random_key[in_story], limit - noise_limit)
    ]
    return points.take(np.sort(np.concatenate([noise_rows, story_rows])))


def _exemplars(ids: pa.Array, stories: pa.Table) -> npt.NDArray[np.bool_]:
    if "exemplar_doc_id" not in stories.column_names:
        return np.zeros(len(ids), dtype=bool)
    chosen = stories["exemplar_doc_id"].cast(pa.string()).combine_chunks()
    mask: npt.NDArray[np.bool_] = pc.is_in(ids, chosen).to_numpy(zero_copy_only=False)
    return mask


def _story_sample(
    labels: Ints, exemplar: npt.NDArray[np.bool_], random_key: npt.NDArray[np.uint64], count: int
) -> Ints:
    """Return rows to keep: the first few of every story, then an equal share of each."""
    order = np.lexsort((random_key, ~exemplar, labels))  # story by story, its exemplar first
    _, start, size = np.unique(labels[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(start, size)
    share = np.where(
        rank < MIN_PER_STORY, rank - float(MIN_PER_STORY), rank / np.repeat(size, size)
    )
    return order[np.argsort(share, kind="stable")[: max(count, len(size))]]
