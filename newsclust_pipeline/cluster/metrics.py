"""How good are the stories? Held against gold labels where there are some, and without them.

In this room: measures of one clustering. How parameters are chosen by them is the business of
`tuning.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from newsclust_pipeline.cluster.hdbscan import FAR, NOISE, core_distances, spanning_tree
from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.jit import compiled
from newsclust_pipeline.core.tables import join
from newsclust_pipeline.ingest.articles import identify_rows
from newsclust_pipeline.ingest.cleaning import clean_text
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.search.graph import Neighbours


@dataclass(frozen=True)
class Gold:
    """The true stories of articles.

    Attributes:
        stories: by doc_id; None for an article that the dump gives no story.
        conflicts: articles whose identical copies are given different stories. The one that most
            copies are given counts, of equally many the first by name.
    """

    stories: dict[str, str | None]
    conflicts: int


def read_gold(rows: Iterable[Row], column: str) -> Gold:
    """Read the gold column of dumps' rows, by the ids that the articles made of them have.

    Raises:
        SettingError: no row has such a column.
    """
    given: dict[str, Counter[str | None]] = defaultdict(Counter)
    columns: dict[str, None] = {}
    for doc_id, row in identify_rows(rows):
        columns.update(dict.fromkeys(map(str, row.cells)))
        given[doc_id][clean_text(row.cells.get(column))] += 1
    if column not in columns:
        raise SettingError(
            f"gold_column={column}: no dump has such a column. Columns found: "
            f"{', '.join(map(repr, columns)) or 'none'}. Correct it in the run config of "
            "story_quality, or leave it empty."
        )
    named = {doc_id: _most(stories) for doc_id, stories in given.items()}
    return Gold(named, conflicts=sum(len(stories) > 1 for stories in given.values()))


@dataclass(frozen=True)
class Judged:
    """What the stories are worth: figures of the run, and a table of its documents.

    Attributes:
        documents: doc_id, label, silhouette, and gold where there is a gold column.
        figures: by name.
    """

    documents: pa.Table
    figures: dict[str, float]


def judge(neighbours: Neighbours, labels: pa.Table, last: pa.Table | None = None) -> Judged:
    """Judge the stories without gold labels.

    Args:
        neighbours: the documents' neighbours.
        labels: doc_id, label of the same documents.
        last: `documents` of the last run, if any: how far both agree on the documents that they
            share is a figure, too (adjusted Rand index).

    Raises:
        ValueError: a document has no label.
    """
    graph = neighbours.matrix()
    ids = pa.table({"doc_id": pa.array(neighbours.doc_id.tolist(), pa.string())})
    joined = join(ids, labels.select(["doc_id", "label"]))
    found = joined["label"].to_numpy()
    values = silhouette(graph, found)
    documents = joined.append_column("silhouette", pa.array(values))
    figures = without_gold(graph, found, values)
    if last is not None:
        figures |= since(last, documents)
    return Judged(documents, figures)


def since(last: pa.Table, documents: pa.Table) -> dict[str, float]:
    """Compare with the last run on the documents of both: doc_id, label of either."""
    rows = pc.index_in(documents["doc_id"], last["doc_id"])
    shared = rows.is_valid().to_numpy()
    before = last["label"].take(rows.drop_null()).to_numpy()
    now = documents["label"].to_numpy()[shared]
    return {"shared_with_last_run": len(now), "agreement_with_last_run": agreement(before, now)}


def judge_by_gold(judged: Judged, gold: Gold, blank_is_unknown: bool = False) -> Judged:
    """Hold judged stories against gold labels, too; see `against_gold`.

    Args:
        judged: of `judge`.
        gold: of `read_gold`.
        blank_is_unknown: leave documents without a gold story out. If not, each is a story of its
            own.
    """
    ids = judged.documents["doc_id"].to_pylist()
    named = [gold.stories.get(doc_id) for doc_id in ids]
    counted = np.array([story is not None or not blank_is_unknown for story in named], dtype=bool)
    stories = [story or (doc_id,) for story, doc_id in zip(named, ids, strict=True)]
    figures = against_gold(
        [stories[row] for row in np.flatnonzero(counted)],
        judged.documents["label"].to_numpy()[counted],
    )
    documents = judged.documents.append_column("gold", pa.array(named, pa.string()))
    known: dict[str, float] = {
        "gold_documents": int(counted.sum()),
        "gold_stories": len({story for story in named if story is not None}),
        "gold_conflicts": gold.conflicts,
    }
    return Judged(documents, judged.figures | known | figures)


def against_gold(gold: Sequence[Hashable], labels: np.ndarray) -> dict[str, float]:
    """Compare labels with gold stories, one of either per document.

    Noise counts as stories of one document each: recall pays for it. `covered_…` are the same
    figures of the documents in stories alone, which tell how right those are.

    Returns:
        BCubed precision, recall and F1 (Bagga, Baldwin 1998; Amigó et al. 2009), pairwise F1, AMI
        (Vinh et al. 2010), ARI (Hubert, Arabie 1985) and the share of documents in stories. No
        documents, no figures.
    """
    if not len(labels):
        return {}
    truth = np.unique(_numbers(gold), return_inverse=True)[1]
    covered = labels != NOISE
    found = _agreement(truth, singletons(labels)) | {"coverage": float(covered.mean())}
    if covered.any():
        inside = _agreement(truth[covered], labels[covered])
        found |= {f"covered_{name}": value for name, value in inside.items()}
    return found


def bcubed(gold: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Give BCubed precision, recall and F1 of labels (n,) that know no noise; n is at least 1.

    Precision and recall of a document are the shares of its cluster and of its gold story that
    both hold; those of a clustering are their averages, F1 the harmonic mean of these.
    """
    stories, clusters = (np.unique(of, return_inverse=True)[1] for of in (gold, labels))
    ones = np.ones(len(stories), dtype=np.int64)
    both = sp.coo_array((ones, (stories, clusters))).tocsr()
    both.sum_duplicates()
    squares = both.multiply(both)
    precision = float((squares.sum(axis=0) / both.sum(axis=0)).sum() / len(ones))
    recall = float((squares.sum(axis=1) / both.sum(axis=1)).sum() / len(ones))
    return precision, recall, 2 * precision * recall / (precision + recall)


def without_gold(
    distances: sp.csr_array, labels: np.ndarray, values: np.ndarray
) -> dict[str, float]:
    """Judge labels (n,) with these silhouettes (n,) by the distance graph (n, n) alone.

    Returns:
        Stories, the share of noise and of the largest story, `silhouette` (mean over all
        documents, noise 0), `covered_silhouette` (over those in stories), `density_validity`.
    """
    covered = labels != NOISE
    sizes = np.bincount(labels[covered])
    n = max(len(labels), 1)
    return {
        "stories": len(sizes),
        "noise_share": float((~covered).sum() / n),
        "largest_story_share": float(sizes.max(initial=0) / n),
        "silhouette": float(values.sum() / n),
        "covered_silhouette": float(values[covered].mean()) if covered.any() else 0.0,
        "density_validity": density_validity(spanning_tree(distances, 1), labels),
    }


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Give the adjusted Rand index of two clusterings, noise as singletons; 1 without documents."""
    if np.array_equal(one, other):  # as on most reruns; or there are no documents
        return 1.0
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(singletons(one), singletons(other)))


def singletons(labels: np.ndarray) -> np.ndarray:
    """Give every noise document (−1) a label of its own."""
    first = labels.max(initial=NOISE) + 1
    return np.where(labels == NOISE, first + np.arange(len(labels)), labels)


def silhouette(
    distances: sp.csr_array, labels: np.ndarray, reach: np.ndarray | None = None
) -> np.ndarray:
    """Give every document's silhouette (Rousseeuw 1987) as far as a neighbour graph tells: (n,).

    It is (b − a) / max(a, b): a the mean distance to the own story, b that to the nearest other.
    Noise is 0, as singletons are, and it is no other story either. On a complete graph this is the
    silhouette itself. Otherwise, a is the mean over those of the own story that are neighbours;
    and as who is no neighbour is at least as far as the last one, other stories' members
    count as that far. Then b is no larger than it should be: a story has to prove itself.

    Args:
        distances: (n, n), symmetric.
        labels: (n,), −1 for noise.
        reach: (n,) how far every document's neighbours are known; see `known_distance`.
    """
    if reach is None:
        reach = known_distance(distances)
    sizes = np.bincount(labels[labels != NOISE])
    arrays = (distances.indptr, distances.indices, distances.data)
    values: np.ndarray = compiled(_silhouette)(*arrays, reach, labels, sizes)
    return values


def known_distance(distances: sp.csr_array) -> np.ndarray:
    """Give the distance within which all neighbours of a document are known: (n,) float64.

    A symmetric graph of k nearest neighbours has at least k entries in every row; the k nearest of
    them are complete, what a row has beyond them are others' choices. Without neighbours it is ∞.
    """
    degree = np.diff(distances.indptr)
    k = int(degree[degree > 0].min(initial=max(len(degree), 1)))
    return core_distances(distances, k)


def density_validity(edges: np.ndarray, labels: np.ndarray) -> float:
    """Give the density-based validity of a clustering, −1 to 1, as a spanning tree tells it.

    After DBCV (Moulavi et al. 2014), as the package `hdbscan` relates it to the tree it has
    (`relative_validity_`): a story is as sparse as the longest edge within, as separate as the
    shortest edge that leaves it. By the cut property of spanning trees, that is the shortest way
    out in the whole graph. The mean over stories is weighted by size, noise counting 0.

    Args:
        edges: (n − 1, 3) of `density.spanning_tree`.
        labels: (n,), −1 for noise.
    """
    sizes = np.bincount(labels[labels != NOISE])
    if not len(sizes) or not len(edges):
        return 0.0
    ends, length = labels[edges[:, :2].astype(np.int64)], edges[:, 2]
    within = (ends[:, 0] == ends[:, 1]) & (ends[:, 0] != NOISE)
    sparse, separate = np.zeros(len(sizes)), np.full(len(sizes), FAR)
    np.maximum.at(sparse, ends[within, 0], length[within])
    for end in ends[~within].T:
        leaves = end != NOISE
        np.minimum.at(separate, end[leaves], length[~within][leaves])
    wider = np.maximum(sparse, separate)
    validity = np.divide(separate - sparse, wider, out=np.zeros(len(sizes)), where=wider > 0)
    return float((sizes * validity).sum() / len(labels))


def _most(stories: Counter[str | None]) -> str | None:
    return min(stories, key=lambda story: (-stories[story], story or ""))


def _numbers(gold: Sequence[Hashable]) -> np.ndarray:
    """Number stories in order of appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(story, len(numbers)) for story in gold])


def _agreement(gold: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
    from sklearn.metrics.cluster import pair_confusion_matrix

    precision, recall, f1 = bcubed(gold, labels)
    (_, wrong), (missed, right) = pair_confusion_matrix(gold, labels).astype(float)
    pairs = 2 * right + wrong + missed
    return {
        "bcubed_precision": precision,
        "bcubed_recall": recall,
        "bcubed_f1": f1,
        "pairwise_f1": float(2 * right / pairs) if pairs else 1.0,
        "ami": float(adjusted_mutual_info_score(gold, labels)),
        "ari": float(adjusted_rand_score(gold, labels)),
    }


def _silhouette(
    indptr: np.ndarray,
    indices: np.ndarray,
    distances: np.ndarray,
    reach: np.ndarray,
    labels: np.ndarray,
    sizes: np.ndarray,
) -> np.ndarray:
    values = np.zeros(len(labels))
    total = np.zeros(len(sizes))
    known = np.zeros(len(sizes), dtype=np.int64)
    for node in range(len(labels)):
        own = labels[node]
        if own < 0:
            continue
        near = labels[indices[indptr[node] : indptr[node + 1]]]
        for place, label in enumerate(near):
            if label >= 0:
                total[label] += distances[indptr[node] + place]
                known[label] += 1
        a = total[own] / known[own] if known[own] else reach[node]
        b = reach[node]
        for label in near:
            if label >= 0 and label != own:
                unknown = (sizes[label] - known[label]) * reach[node]
                b = min(b, (total[label] + unknown) / sizes[label])
        if max(a, b) > 0:
            values[node] = (b - a) / max(a, b)
        for label in near:
            if label >= 0:
                total[label], known[label] = 0.0, 0
    return values
