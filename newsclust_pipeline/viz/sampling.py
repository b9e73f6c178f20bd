"""Which documents a map shows when there are more than a browser draws well.

Stories come first: noise is thinned before them, every story keeps its exemplar and its first few.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]

FEW = 3  # documents that every story keeps
NOISE_FLOOR = 0.1  # share of the map that noise keeps, if there is so much


def thin(points: pa.Table, stories: pa.Table, limit: int) -> pa.Table:
    """Give at most `limit` documents, in their order; all of them if they are no more.

    Noise gives way first, down to a tenth of the map. Then stories shrink in proportion, but each
    keeps its exemplar and two more. Chance comes from the documents' ids, so that the same
    documents are drawn in every run. Where even the exemplars are more than the limit, they stay.

    Args:
        points: one row per document: `doc_id` (string), `label` (int, −1 = in no story).
        stories: one row per story, with its `exemplar_doc_id`, where that is known.
        limit: documents to keep.
    """
    if points.num_rows <= limit:
        return points
    labels = points["label"].to_numpy()
    ids = points["doc_id"].combine_chunks()
    # pandas' hash has a fixed key: the order is as good as random, and always the same.
    drawn = pd.util.hash_array(ids.to_numpy(zero_copy_only=False).astype(object))
    noise = np.flatnonzero(labels < 0)
    told = np.flatnonzero(labels >= 0)
    for_noise = min(len(noise), max(limit - len(told), int(limit * NOISE_FLOOR)))
    kept_noise = noise[np.argsort(drawn[noise], kind="stable")[:for_noise]]
    exemplars = _exemplars(ids, stories)[told]
    kept_told = told[_story_sample(labels[told], exemplars, drawn[told], limit - for_noise)]
    return points.take(np.sort(np.concatenate([kept_noise, kept_told])))


def _exemplars(ids: pa.Array, stories: pa.Table) -> npt.NDArray[np.bool_]:
    if "exemplar_doc_id" not in stories.column_names:
        return np.zeros(len(ids), dtype=bool)
    chosen = stories["exemplar_doc_id"].cast(pa.string()).combine_chunks()
    mask: npt.NDArray[np.bool_] = pc.is_in(ids, chosen).to_numpy(zero_copy_only=False)
    return mask


def _story_sample(
    labels: Ints, exemplar: npt.NDArray[np.bool_], drawn: npt.NDArray[np.uint64], count: int
) -> Ints:
    """Rows to keep: the first few of every story, then of each the same share."""
    order = np.lexsort((drawn, ~exemplar, labels))  # story by story, its exemplar first
    _, start, size = np.unique(labels[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(start, size)
    share = np.where(rank < FEW, rank - float(FEW), rank / np.repeat(size, size))
    return order[np.argsort(share, kind="stable")[: max(count, len(size))]]
