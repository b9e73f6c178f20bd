"""Today's clusters and yesterday's stories → ids that stay.

Both rules are after Greene, Doyle, Cunningham (2010), "Tracking the Evolution of Communities in
Dynamic Social Networks". A cluster continues the story whose documents it shares, by the Jaccard
index. A story that has ended is kept with its last documents, so that it can return. Where several
stories and clusters overlap, an optimal assignment decides: no other one leaves more documents
with the id they had.

Documents come and leave with the dumps. Two runs are compared on the documents that can show a
change: of a story those that are still present, of a cluster those that were in a story before. So
a story may lose all its first articles, a few a day, and keep its id.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from scipy.sparse import csgraph

from newsclust_pipeline.cluster.condensed_tree import NOISE

# The documents of stories: of living ones as last recorded, of ended ones the last that they had.
# A document is in one living story at most, and in any number of ended ones.
MEMBERS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("story_id", pa.string(), nullable=False),
        pa.field("living", pa.bool_(), nullable=False),
    ]
)
# If a story and a cluster each contain more than half of the other, their Jaccard index is above
# 1/3: they are always candidates. A story has three candidates at most.
CONTINUE_OVERLAP = 0.3
# A story returns only with mostly the same documents, new ones counted: its id must not pass to
# another story.
RETURN_OVERLAP = 0.5


def name_stories(doc_id: np.ndarray, labels: np.ndarray, members: pa.Table) -> list[str]:
    """Return for every cluster the id of the story that it continues, or a new id.

    A new id is "s" and the id of the cluster's first document; if another story ever had that id, a
    number follows. The same arguments give the same ids, and so does naming the clusters again
    after they are recorded under these ids.

    Args:
        doc_id: (n,) strings, in the order of publication.
        labels: (n,) int, 0 … m − 1, −1 for noise.
        members: the documents of known stories, schema `MEMBERS`.

    Returns:
        The m story ids, by label; no two are equal.
    """
    after = pd.DataFrame({"doc_id": doc_id, "story": labels})
    clusters = after[after["story"] != NOISE]
    living, ended = split_members(members)
    named = _assign(compare_present(living, clusters, doc_id), CONTINUE_OVERLAP)
    unnamed = clusters[~clusters["story"].isin(named)]
    named |= _assign(compare(ended, unnamed), RETURN_OVERLAP)
    taken = set(pc.unique(members["story_id"]).to_pylist())
    opening = clusters.drop_duplicates("story").set_index("story")["doc_id"].sort_index()
    return [named.get(label) or _new_id(first, taken) for label, first in opening.items()]


def split_members(members: pa.Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the members of living stories and those of ended ones: columns doc_id, story."""
    frame = members.rename_columns(["doc_id", "story", "living"]).to_pandas()
    return frame[frame["living"]], frame[~frame["living"]]


def compare_present(before: pd.DataFrame, after: pd.DataFrame, present: np.ndarray) -> pd.DataFrame:
    """Compare two clusterings by the documents that were in a story and are `present` now."""
    before = before[before["doc_id"].isin(present)]
    return compare(before, after[after["doc_id"].isin(before["doc_id"])])


def compare(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare two clusterings. Time and memory grow linearly with the number of documents.

    Args:
        before: columns doc_id, story; a row per document and story.
        after: the same.

    Returns:
        A row for every two stories with a common document, sorted by before and after: before,
        after, shared (number of common documents), of_before and of_after (its share of either
        story), overlap (Jaccard index).
    """
    both = before.merge(after, on="doc_id", suffixes=("_before", "_after"))
    pairs = both.groupby(["story_before", "story_after"]).size().reset_index(name="shared")
    pairs = pairs.rename(columns={"story_before": "before", "story_after": "after"})
    sizes_before = before["story"].value_counts().reindex(pairs["before"]).to_numpy()
    sizes_after = after["story"].value_counts().reindex(pairs["after"]).to_numpy()
    return pairs.assign(
        of_before=pairs["shared"] / sizes_before,
        of_after=pairs["shared"] / sizes_after,
        overlap=pairs["shared"] / (sizes_before + sizes_after - pairs["shared"]),
    )


def _assign(pairs: pd.DataFrame, threshold: float) -> dict[int, str]:
    """Return the story of every cluster that continues one, at most one cluster per story.

    The assignment maximises the number of shared documents, then the sum of overlaps. SciPy
    implements the algorithm of Jonker and Volgenant (1987) for sparse matrices.
    """
    close = pairs[pairs["overlap"] >= threshold]
    if close.empty:
        return {}
    stories, row = np.unique(close["before"].to_numpy(dtype=object), return_inverse=True)
    clusters, column = np.unique(close["after"], return_inverse=True)
    n, m = len(stories), len(clusters)
    worth = close["shared"] + close["overlap"] / (
        n + 1
    )  # all overlaps together are worth less than a document
    # The algorithm must match every story. So each gets a column of its own that means "ended" and
    # is worth 0. One is added to every worth, because a stored 0 would count as no edge.
    own = np.arange(n)
    entries = (np.append(row, own), np.append(column, m + own))
    worths = sp.csr_array((np.append(worth + 1, np.ones(n)), entries), shape=(n, m + n))
    rows, columns = csgraph.min_weight_full_bipartite_matching(worths, maximize=True)
    matched = columns < m
    return dict(zip(clusters[columns[matched]].tolist(), stories[rows[matched]], strict=True))


def _new_id(first: str, taken: set[str]) -> str:
    """Return an id that no story has had."""
    story_id, number = f"s{first}", 1
    while story_id in taken:
        number += 1
        story_id = f"s{first}-{number}"
    return story_id
