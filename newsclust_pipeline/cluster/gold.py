"""Gold labels: the true stories of articles, and how far a clustering agrees with them."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.metrics import Evaluation, singletons


@dataclass(frozen=True)
class Gold:
    """The true stories of articles.

    Attributes:
        stories: by doc_id; None for an article to which the dump gives no story.
        conflicts: the number of articles whose identical copies have different stories. The most
            frequent story counts; of equally frequent ones, the first by name.
    """

    stories: dict[str, str | None]
    conflicts: int


def read_gold(labels: pa.Table) -> Gold:
    """Return the gold story of every article from a table of schema `schemas.GOLD_LABELS`."""
    by_article: dict[str, Counter[str | None]] = defaultdict(Counter)
    for row in labels.to_pylist():
        by_article[row["doc_id"]][row["gold"]] += row["rows"]
    stories = {doc_id: _most_frequent(counts) for doc_id, counts in by_article.items()}
    return Gold(stories, conflicts=sum(len(counts) > 1 for counts in by_article.values()))


def evaluate_with_gold(
    evaluation: Evaluation, gold: Gold, blank_is_unknown: bool = False
) -> Evaluation:
    """Return an evaluation with the gold labels and their figures added; see `gold_figures`.

    Args:
        evaluation: the result of `metrics.evaluate`.
        gold: the gold labels.
        blank_is_unknown: leave documents without a gold story out of the figures. Otherwise each
            of them counts as a story of its own.
    """
    ids = evaluation.documents["doc_id"].to_pylist()
    stories = [gold.stories.get(doc_id) for doc_id in ids]
    counted = np.array([story is not None or not blank_is_unknown for story in stories], dtype=bool)
    keys = [story or (doc_id,) for story, doc_id in zip(stories, ids, strict=True)]
    figures = gold_figures(
        [keys[row] for row in np.flatnonzero(counted)],
        evaluation.documents["label"].to_numpy()[counted],
    )
    documents = evaluation.documents.append_column("gold", pa.array(stories, pa.string()))
    counts: dict[str, float] = {
        "gold_documents": int(counted.sum()),
        "gold_stories": len({story for story in stories if story is not None}),
        "gold_conflicts": gold.conflicts,
    }
    return Evaluation(documents, evaluation.figures | counts | figures)


def gold_figures(gold: Sequence[Hashable], labels: np.ndarray) -> dict[str, float]:
    """Compare labels (n,) with the gold stories (n,) of the same documents.

    A noise document counts as a story of its own, which lowers recall. The figures `covered_…` are
    the same figures over documents in stories only.

    Returns:
        BCubed precision, recall and F1 (Bagga, Baldwin 1998; Amigó et al. 2009), pairwise F1, AMI
        (Vinh et al. 2010), ARI (Hubert, Arabie 1985) and the share of documents in stories; empty
        without documents.
    """
    if not len(labels):
        return {}
    truth = np.unique(_numbered(gold), return_inverse=True)[1]
    covered = labels != NOISE
    figures = _figures(truth, singletons(labels)) | {"coverage": float(covered.mean())}
    if covered.any():
        inside = _figures(truth[covered], labels[covered])
        figures |= {f"covered_{name}": value for name, value in inside.items()}
    return figures


def bcubed(gold: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Return BCubed precision, recall and F1 of labels (n,) without noise; n is at least 1.

    The precision of a document is the share of its cluster that has its gold story, its recall the
    share of its gold story that is in its cluster. Precision and recall of a clustering are means
    over documents, F1 is the harmonic mean of the two.
    """
    stories, clusters = (np.unique(of, return_inverse=True)[1] for of in (gold, labels))
    ones = np.ones(len(stories), dtype=np.int64)
    both = sp.coo_array((ones, (stories, clusters))).tocsr()
    both.sum_duplicates()
    squares = both.multiply(both)
    precision = float((squares.sum(axis=0) / both.sum(axis=0)).sum() / len(ones))
    recall = float((squares.sum(axis=1) / both.sum(axis=1)).sum() / len(ones))
    return precision, recall, 2 * precision * recall / (precision + recall)


def _most_frequent(counts: Counter[str | None]) -> str | None:
    return min(counts, key=lambda story: (-counts[story], story or ""))


def _numbered(gold: Sequence[Hashable]) -> np.ndarray:
    """Return the number of each document's story, in order of appearance: (n,)."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(story, len(numbers)) for story in gold])


def _figures(gold: np.ndarray, labels: np.ndarray) -> dict[str, float]:
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
