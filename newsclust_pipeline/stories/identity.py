"""Today's clusters and what was recorded of yesterday's stories → ids that stay.

Two rules, both after Greene, Doyle, Cunningham (2010), "Tracking the Evolution of Communities in
Dynamic Social Networks": a cluster goes on with the story whose documents it shares, by the Jaccard
index; and a story that had ended is remembered by its last documents, so that it can come back.
Where several stories and clusters overlap, an optimal assignment decides: no other one leaves more
documents with the id they had.

Documents come and leave with the dumps. How a story was clustered can only be judged on documents
that are still there, and what a cluster was only on documents that were in a story: a story may
lose all its first articles, a few a day, and keep its id.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from scipy.sparse import csgraph

from newsclust_pipeline.cluster.hdbscan import NOISE

# What is remembered: documents of living stories as last recorded, and of every story that ended
# the last that it had. A document is in one living story at most, and in any number of ended ones.
MEMBERS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("story_id", pa.string(), nullable=False),
        pa.field("living", pa.bool_(), nullable=False),
    ]
)
# A story and a cluster that hold more than half of each other have a Jaccard index above 1/3: they
# are always candidates. A story can have three at most.
GOES_ON = 0.3
# To come back is to be the same documents, new ones counted: an id must not pass to another story.
COMES_BACK = 0.5


def name_stories(doc_id: np.ndarray, labels: np.ndarray, members: pa.Table) -> list[str]:
    """Give every cluster the id of the story that it goes on with, or a new one.

    A new id is that of the cluster's first document with an "s" before it; if another story has
    ever had that id, a number follows. The same arguments give the same ids, and so does naming
    the clusters again once they are recorded under these ids.

    Args:
        doc_id: (n,) strings, in the order of publication.
        labels: (n,) int, 0 … m − 1, −1 for noise.
        members: what is remembered, schema `MEMBERS`.

    Returns:
        The m story ids, by label; no two are equal.
    """
    after = pd.DataFrame({"doc_id": doc_id, "story": labels})
    clusters = after[after["story"] != NOISE]
    living, ended = remembered(members)
    named = _assigned(still_there(living, clusters, doc_id), GOES_ON)
    unnamed = clusters[~clusters["story"].isin(named)]
    named |= _assigned(compare(ended, unnamed), COMES_BACK)
    taken = set(pc.unique(members["story_id"]).to_pylist())
    opening = clusters.drop_duplicates("story").set_index("story")["doc_id"].sort_index()
    return [named.get(label) or _new_id(first, taken) for label, first in opening.items()]


def remembered(members: pa.Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the members of living stories and of ended ones apart: columns doc_id, story."""
    frame = members.rename_columns(["doc_id", "story", "living"]).to_pandas()
    return frame[frame["living"]], frame[~frame["living"]]


def still_there(before: pd.DataFrame, after: pd.DataFrame, present: np.ndarray) -> pd.DataFrame:
    """Compare stories by the documents that were in one then and are `present` now."""
    before = before[before["doc_id"].isin(present)]
    return compare(before, after[after["doc_id"].isin(before["doc_id"])])


def compare(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare two clusterings, in time and memory that grow with the documents.

    Args:
        before: columns doc_id, story; a row per document and story.
        after: the same.

    Returns:
        A row for every two stories with a document in common, in order: before, after, shared
        (documents), of_before and of_after (their shares in either), overlap (Jaccard index).
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


def _assigned(pairs: pd.DataFrame, threshold: float) -> dict[int, str]:
    """Match clusters to stories, one to one, so that they share as many documents as possible.

    Of equally good assignments, the one with the higher sum of overlaps is taken. By Jonker and
    Volgenant's algorithm (1987) for sparse matrices, as SciPy has it.
    """
    close = pairs[pairs["overlap"] >= threshold]
    if close.empty:
        return {}
    stories, row = np.unique(close["before"].to_numpy(dtype=object), return_inverse=True)
    clusters, column = np.unique(close["after"], return_inverse=True)
    n, m = len(stories), len(clusters)
    worth = close["shared"] + close["overlap"] / (n + 1)  # all overlaps weigh less than a document
    # The algorithm matches every story. So each has a way out of its own, which is worth nothing;
    # and one is added to every worth, as a stored 0 would count as no edge.
    ways_out = np.arange(n)
    entries = (np.append(row, ways_out), np.append(column, m + ways_out))
    worths = sp.csr_array((np.append(worth + 1, np.ones(n)), entries), shape=(n, m + n))
    rows, columns = csgraph.min_weight_full_bipartite_matching(worths, maximize=True)
    matched = columns < m
    return dict(zip(clusters[columns[matched]].tolist(), stories[rows[matched]], strict=True))


def _new_id(first: str, taken: set[str]) -> str:
    """Make an id that no story has had."""
    story_id, number = f"s{first}", 1
    while story_id in taken:
        number += 1
        story_id = f"s{first}-{number}"
    return story_id
