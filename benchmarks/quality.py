"""How good are the stories, against other ways to cluster the same vectors?

    python -m benchmarks.quality [--gold file.parquet …] [--column gold] [--oracle]

The bundled sample is always among the sets; other gold sets are dumps with a column of true
stories. All ways but the last cluster the default embedder's vectors of all articles, identical
copies folded; the last knows the words and the times alone. The figure is BCubed F1 with noise as
singletons. Every way runs with its documented defaults; with --oracle also with the best values of
a small grid, which no user can know: they are chosen by the gold labels.

BERTopic and Top2Vec cluster with UMAP and HDBSCAN; those are used directly, with the settings that
the two give them.
"""

import argparse
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import synthetic
from benchmarks.report import table, versions
from newsclust_pipeline.cluster import choice, hdbscan, time_distance
from newsclust_pipeline.cluster.candidates import Documents
from newsclust_pipeline.cluster.gold import bcubed, read_gold
from newsclust_pipeline.cluster.metrics import singletons
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.defs.resources import SAMPLE
from newsclust_pipeline.embed.base import UNRELATED_DISTANCE, embed
from newsclust_pipeline.embed.minilm import MiniLM
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.search.graph import Neighbours

FAR = 1e6  # for ∞, of which recent releases of hdbscan build broken trees
NONE = "none documented"


@dataclass(frozen=True)
class GoldSet:
    """A dump with its true stories, through the pipeline's own stages.

    `reduced` keeps UMAP's results, which several ways share.
    """

    name: str
    articles: pa.Table
    gold: np.ndarray
    vectors: np.ndarray
    neighbours: Neighbours
    reduced: dict[float, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """A way to cluster: labels of a set, by settings."""

    name: str
    cluster: Callable[..., np.ndarray]
    defaults: dict[str, Any] | None
    grid: dict[str, list[Any]] = field(default_factory=dict)


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gold", type=Path, nargs="*", default=[])
    options.add_argument("--column", default="gold")
    options.add_argument("--oracle", action="store_true")
    asked, _ = options.parse_known_args()
    warnings.filterwarnings("ignore")

    sets = [load(SAMPLE, "story"), *(load(path, asked.column) for path in asked.gold)]
    head = ["", *(f"{s.name} ({len(s.gold)}, {len(set(s.gold))} stories)" for s in sets)]
    defaults = {way.name: [at_defaults(way, s) for s in sets] for way in WAYS}
    rows = [[name, *(f"{value:.3f}" if value else NONE for value in values)]
            for name, values in defaults.items()]  # fmt: skip
    table("quality", "BCubed F1 at documented defaults", head, rows)
    if asked.oracle:
        best = [[way.name, *(at_best(way, s) for s in sets)] for way in WAYS if way.grid]
        table("quality_oracle", "BCubed F1, oracle: best of a grid by gold labels", head, best)
    print(versions("hdbscan", "umap-learn", "evoc", "fast_hdbscan", "scikit-learn", "numpy"))


def load(path: Path, column: str) -> GoldSet:
    """Read, embed and search a dump; articles without a story are stories of their own."""
    collected = collect_articles(find_dumps(path).rows(), column)
    articles, stories = collected.table, read_gold(collected.gold).stories
    ids = articles["doc_id"].to_pylist()
    with tempfile.TemporaryDirectory() as folder:
        vectors = matrix(embed(articles, MiniLM(), Path(folder) / "cache.sqlite").table)
    neighbours = replace(synthetic.searched(vectors, k=50), doc_id=np.array(ids))
    gold = np.array([stories[i] or f"alone {i}" for i in ids])
    return GoldSet(path.stem, articles, gold, vectors, neighbours)


def f1(way: Way, of: GoldSet, settings: dict[str, Any]) -> float:
    """Cluster one set by one way."""
    return bcubed(of.gold, singletons(np.asarray(way.cluster(of, **settings))))[2]


def at_defaults(way: Way, of: GoldSet) -> float | None:
    """Give F1 at the documented defaults; None where nobody documents any."""
    return None if way.defaults is None else f1(way, of, way.defaults)


def at_best(way: Way, of: GoldSet) -> str:
    """Give the best F1 of the grid, with the settings that reach it."""
    score, settings = max(
        ((f1(way, of, settings), settings) for settings in combinations(way.grid)),
        key=lambda found: found[0],
    )
    return f"{score:.3f} ({', '.join(map(str, settings.values()))})"


def combinations(grid: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield all combinations of a grid's values."""
    yield from (dict(zip(grid, values, strict=True)) for values in product(*grid.values()))


def ours(of: GoldSet, **settings: Any) -> np.ndarray:
    """Cluster the stored graph with parameters as given."""
    return hdbscan.hdbscan(of.neighbours.matrix(), **settings).labels


def auto(of: GoldSet, time_weight: float = 0.0, time_scale_days: float = 7.0) -> np.ndarray:
    """Cluster with the parameters that are chosen without labels, time in it or not."""
    documents = Documents(of.neighbours.matrix(), of.vectors, UNRELATED_DISTANCE["minilm"])
    if time_weight:
        days = time_distance.days_of(of.neighbours.doc_id, of.articles)
        documents = time_distance.add_time_to(documents, days, time_weight, time_scale_days)
    return choice.choose(documents).clusters.labels


def notebook(of: GoldSet, min_samples: int, min_cluster_size: int) -> np.ndarray:
    """Cluster as the tutorial does: a dense matrix of squared distances, one direction only."""
    from hdbscan import HDBSCAN

    n = len(of.gold)
    dense = np.full((n, n), FAR)
    np.put_along_axis(dense, of.neighbours.indices, of.neighbours.distances**2, axis=1)
    np.fill_diagonal(dense, 0)
    model = HDBSCAN(
        metric="precomputed", min_samples=min_samples, min_cluster_size=min_cluster_size
    )
    return model.fit_predict(dense)


def reduced(of: GoldSet, min_cluster_size: int, min_dist: float) -> np.ndarray:
    """Cluster five dimensions of UMAP by HDBSCAN."""
    from hdbscan import HDBSCAN
    from umap import UMAP

    if min_dist not in of.reduced:
        reducer = UMAP(15, 5, metric="cosine", min_dist=min_dist, random_state=42, n_jobs=1)
        of.reduced[min_dist] = reducer.fit_transform(of.vectors)
    return HDBSCAN(min_cluster_size=min_cluster_size).fit_predict(of.reduced[min_dist])


def evoc(of: GoldSet, **settings: Any) -> np.ndarray:
    """Cluster by EVoC."""
    from evoc import EVoC

    return EVoC(random_state=42, **settings).fit_predict(of.vectors)


def fast_hdbscan(of: GoldSet, **settings: Any) -> np.ndarray:
    """Cluster the vectors by fast_hdbscan."""
    from fast_hdbscan import HDBSCAN

    return HDBSCAN(reproducible=True, **settings).fit_predict(of.vectors)


def agglomerative(of: GoldSet, threshold: float) -> np.ndarray:
    """Cluster by average linkage up to a cosine distance."""
    from sklearn.cluster import AgglomerativeClustering

    model = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=threshold
    )
    return model.fit_predict(of.vectors)


def single_pass(of: GoldSet, threshold: float, days: float) -> np.ndarray:
    """Cluster in one pass over time: an article joins the most similar story or opens one.

    Similarity is that of its TF-IDF vector to the mean of the story's, times a Gaussian of the days
    since the story's last article (after Miranda et al. 2018, without its trained weights).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(stop_words="english", sublinear_tf=True)
    vectors = words.fit_transform(of.articles["text"].to_pylist()).toarray()
    times = time_distance.days_of(np.array(of.articles["doc_id"].to_pylist()), of.articles)
    labels = np.full(len(vectors), -1)
    sums, last = np.zeros_like(vectors), np.zeros(len(vectors))
    opened = 0
    for row in np.argsort(times, kind="stable"):
        norms = np.linalg.norm(sums[:opened], axis=1)
        passed = np.nan_to_num(times[row] - last[:opened])
        near = sums[:opened] @ vectors[row] / norms * np.exp(-(passed**2) / (2 * days**2))
        best = int(near.argmax()) if opened else 0
        if not opened or near[best] < threshold:
            best, opened = opened, opened + 1
        labels[row] = best
        sums[best] += vectors[row]
        last[best] = times[row]
    return labels


SIZES = [2, 3, 5, 10, 15]
WAYS = [
    Way("ours, defaults (3, 3, eom)", ours, {}, grid={
        "min_samples": [1, 2, 3, 5, 10], "min_cluster_size": SIZES,
        "selection": ["eom", "leaf"], "epsilon": [0.0, 0.7, 0.8, 0.9],
    }),
    Way("ours, tuning: auto", auto, {}),
    Way("ours, tuning: auto, time_weight: 0.5", auto, {"time_weight": 0.5},
        grid={"time_weight": [0.2, 0.4, 0.6], "time_scale_days": [2.0, 7.0, 30.0]}),
    Way("the notebook's way", notebook, {"min_samples": 3, "min_cluster_size": 3},
        {"min_samples": [1, 2, 3, 5], "min_cluster_size": SIZES}),
    Way("BERTopic's way (UMAP 5-d, HDBSCAN 10)", reduced,
        {"min_cluster_size": 10, "min_dist": 0.0},
        {"min_cluster_size": SIZES, "min_dist": [0.0]}),
    Way("Top2Vec's way (UMAP 5-d, HDBSCAN 15)", reduced,
        {"min_cluster_size": 15, "min_dist": 0.1},
        {"min_cluster_size": SIZES, "min_dist": [0.1]}),
    Way("EVoC", evoc, {}, {"base_min_cluster_size": [2, 3, 5], "noise_level": [0.0, 0.5, 1.0]}),
    Way("fast_hdbscan", fast_hdbscan, {},
        {"min_cluster_size": SIZES, "min_samples": [1, 2, 3, 5],
         "cluster_selection_method": ["eom", "leaf"]}),
    # The threshold of sentence-transformers' example; scikit-learn has no default for it.
    Way("average linkage, cosine distance", agglomerative, {"threshold": 0.4},
        {"threshold": [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]}),
    Way("TF-IDF and time, single pass", single_pass, None,
        {"threshold": [0.1, 0.15, 0.2, 0.25, 0.3, 0.4], "days": [3.0, 14.0, 1e6]}),
]  # fmt: skip


if __name__ == "__main__":
    main()
