"""Sets of articles with true stories, and sets derived from them."""

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import synthetic
from newsclust_pipeline.cluster.candidates import Documents
from newsclust_pipeline.cluster.gold import bcubed, read_gold
from newsclust_pipeline.cluster.metrics import singletons
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.embed.base import UNRELATED_DISTANCE, embed
from newsclust_pipeline.embed.minilm import MiniLM
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.search.graph import Neighbours

K = 50


@dataclass(frozen=True)
class GoldSet:
    """Articles with their true stories, vectors and neighbours.

    `reduced` keeps UMAP's results, which several ways share.
    """

    name: str
    articles: pa.Table
    gold: np.ndarray
    vectors: np.ndarray
    neighbours: Neighbours
    reduced: dict[float, np.ndarray] = field(default_factory=dict)

    @property
    def documents(self) -> Documents:
        """What is clustered."""
        graph = self.neighbours.matrix()
        return Documents(graph, self.vectors, UNRELATED_DISTANCE["minilm"])

    def f1(self, labels: np.ndarray) -> float:
        """Return BCubed F1 of labels (n,), noise as singletons."""
        return bcubed(self.gold, singletons(np.asarray(labels)))[2]


def load(path: Path, column: str) -> GoldSet:
    """Read, embed and search a dump; articles without a story are stories of their own."""
    collected = collect_articles(find_dumps(path).rows(), column)
    articles, stories = collected.table, read_gold(collected.gold).stories
    ids = articles["doc_id"].to_pylist()
    with tempfile.TemporaryDirectory() as folder:
        vectors = matrix(embed(articles, MiniLM(), Path(folder) / "cache.sqlite").table)
    neighbours = replace(synthetic.searched(vectors, k=K), doc_id=np.array(ids))
    gold = np.array([stories[i] or f"alone {i}" for i in ids])
    return GoldSet(path.stem, articles, gold, vectors, neighbours)


def derive(of: GoldSet, seed: int = 0) -> list[GoldSet]:
    """Return six sets drawn from one, with other story sizes and other shares of lone articles.

    A half, a third and 90 % of the articles, drawn at random; all but one article of every second
    story left out; at most 20 articles of each story; only stories of at least 5.
    """
    rng, n = np.random.default_rng(seed), len(of.gold)
    stories, story, sizes = np.unique(of.gold, return_inverse=True, return_counts=True)
    rows = {
        name: rng.permutation(n)[: round(n * share)]
        for name, share in (("half", 1 / 2), ("third", 1 / 3), ("90 %", 0.9))
    }
    lone = np.isin(story, rng.permutation(len(stories))[: len(stories) // 2])
    order = rng.permutation(n)
    rank = np.empty(n, dtype=int)  # of an article among those of its story, in a random order
    for members in np.split(order[np.argsort(story[order], kind="stable")], np.cumsum(sizes)[:-1]):
        rank[members] = np.arange(len(members))
    rows["half of the stories cut to one"] = np.flatnonzero(~lone | (rank == 0))
    rows["at most 20 of each"] = np.flatnonzero(rank < 20)
    rows["stories of 5 and more"] = np.flatnonzero(sizes[story] >= 5)
    return [_subset(of, name, np.sort(part)) for name, part in rows.items() if len(part) > 50]


def _subset(of: GoldSet, name: str, rows: np.ndarray) -> GoldSet:
    vectors, articles = of.vectors[rows], of.articles.take(pa.array(rows))
    ids = np.array(articles["doc_id"].to_pylist())
    neighbours = replace(synthetic.searched(vectors, k=K), doc_id=ids)
    return GoldSet(f"{of.name}, {name}", articles, of.gold[rows], vectors, neighbours)
