"""What would ten million or a hundred million articles take on workers? Sums on paper.

    python -m benchmarks.simulate [--articles 10000000 100000000] [--workers 64] [--cost tree=2.5]

Costs of single partitions are measured by `benchmarks.engine` and `benchmarks.pipeline` at sizes
that one machine holds. Here they are multiplied by the number of partitions. The result says what
to expect, not what was seen: no run of this size was made. It leaves out stragglers, lost workers
and the time that a cluster takes to start.
"""

import argparse
from dataclasses import dataclass
from math import log2, sqrt

from benchmarks.report import table
from newsclust_pipeline.viz.projection import epochs_for

# CPU seconds on one core of the machine of docs/scaling.md; `--cost name=value` replaces one.
COSTS = {
    "text": 0.018,  # embed a text (minilm)
    "pair": 6.5e-9,  # compare a query with a vector of 384 dimensions, in blocks
    "rank": 5e-5,  # compute the exact distances of a query's 88 candidates
    "tree": 0.75,  # light edges of a part of four million entries
    "merge": 0.2,  # merge the light edges of two parts, per million articles in them
    "prim": 1.5,  # walk the light edges, per million articles
    "keywords": 2.2e-4,  # tokenize an article and choose its story's keywords
    "symmetric": 5.0,  # make the symmetric matrix, per million articles
    "labels": 45.0,  # everything else of hdbscan_labels, per million articles
    "sweep": 593.0,  # parameter_sweep, per million articles
    "strengths": 20.0,  # UMAP's strengths of all neighbours, per million articles
    "layout": 1.5e-6,  # an article of the sample, per epoch
    "place": 3e-5,  # an article that is not in the sample
    "other": 500.0,  # raw_news, milvus_collection, the page …, per million articles
}
_WIDTH, _K, _ENTRIES = 79, 50, 4e6
_EDGES = 70  # entries of the matrix per article
_TEXT_BYTES = 500
_LABELS_BYTES, _SWEEP_BYTES = 8_000, 9_300  # an article, measured at a million
_PROBES = 8  # cells that a query looks into
_SHARE = 0.2  # of articles in the sample of the map


@dataclass(frozen=True)
class Stage:
    """What a stage takes.

    Attributes:
        name: of the stage.
        workers: CPU seconds on the workers.
        own: CPU seconds in the run's process.
        network: bytes to and from the run's process.
        memory: bytes that the run's process holds.
    """

    name: str
    workers: float = 0.0
    own: float = 0.0
    network: float = 0.0
    memory: float = 0.0


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--articles", type=int, nargs="*", default=[1_000_000, 10**7, 10**8])
    options.add_argument("--dimension", type=int, default=384)
    options.add_argument("--workers", type=int, default=64, help="cores of all workers")
    options.add_argument("--cores", type=int, default=16, help="of the run's own machine")
    options.add_argument("--price", type=float, default=0.05, help="of a core-hour")
    options.add_argument("--cost", nargs="*", default=[], metavar="name=seconds")
    given, _ = options.parse_known_args()  # `make bench` passes the same arguments to all
    costs = COSTS | {n: float(v) for n, _, v in (one.partition("=") for one in given.cost)}
    rows = []
    for n in given.articles:
        stages = simulate(n, given.dimension, costs)
        rows += [_row(n, stage, given) for stage in [*stages, _sum(stages)]]
    table(
        "simulate",
        f"On paper: {given.workers} worker cores, a run on {given.cores} cores",
        ["articles", "stage", "core-hours on workers", "core-hours in the run's process", "hours",
         "GB over the network", "GB in the run's process", "cost"],
        rows,
        "Hours: workers divided among their cores, and the run's process on one core, except for "
        f"the cells, which faiss builds on all. Cost: {given.price} per core-hour, for the cores "
        "of the workers and of the run's machine while they are held.",
    )  # fmt: skip


def simulate(n: int, dimension: int, costs: dict[str, float]) -> list[Stage]:
    """Return what each stage takes for n articles."""
    million, vectors, pair = n / 1e6, 4.0 * dimension * n, costs["pair"] * dimension / 384
    cells = 4 * sqrt(n)
    train, add = 64 * cells * cells * 10 * pair, n * cells * pair
    compared = cells + _PROBES * n / cells
    parts = max(_EDGES * n / _ENTRIES, 1)
    neighbours = n * (8.0 * _WIDTH)
    sample = _SHARE * n
    layout = costs["strengths"] * million + costs["layout"] * sample * epochs_for(round(sample))
    return [
        Stage("embeddings", costs["text"] * n, 0, _TEXT_BYTES * n + vectors, vectors),
        Stage("cells of IVF_FLAT", 0, train + add, 2 * vectors, 2 * vectors),
        Stage("neighbours", n * (compared * pair + costs["rank"]), 0, neighbours,
              vectors + neighbours),
        Stage("symmetric matrix", 0, costs["symmetric"] * million, 0, (8 * _K + 12 * _EDGES) * n),
        Stage("spanning tree", costs["tree"] * parts + costs["merge"] * million * log2(parts + 1),
              costs["prim"] * million, 12 * _EDGES * n + 24 * 2 * n, (12 * _EDGES + 48) * n),
        Stage("labels", 0, costs["labels"] * million, 0, _LABELS_BYTES * n),
        Stage("parameter_sweep", 0, costs["sweep"] * million, 0, _SWEEP_BYTES * n),
        Stage("stories", costs["keywords"] * n, 0, 2.0 * _TEXT_BYTES * n, 4.0 * _TEXT_BYTES * n),
        Stage("umap_projection", costs["place"] * (n - sample), layout, 12.0 * 16 * n,
              vectors + 2 * neighbours),
        Stage("all others", 0, costs["other"] * million, 0, 4.0 * _TEXT_BYTES * n),
    ]  # fmt: skip


def _sum(stages: list[Stage]) -> Stage:
    """Return all stages together; memory is that of the one that holds most."""
    sums = (sum(getattr(stage, what) for stage in stages) for what in ("workers", "own", "network"))
    return Stage("all", *sums, max(stage.memory for stage in stages))


def _hours(stage: Stage, cores: int, workers: int) -> float:
    on_all = "cells" in stage.name
    return (stage.workers / workers + stage.own / (cores if on_all else 1)) / 3600


def _row(n: int, stage: Stage, given: argparse.Namespace) -> list[str]:
    hours = _hours(stage, given.cores, given.workers)
    return [
        f"{n:,}",
        stage.name,
        f"{stage.workers / 3600:,.1f}",
        f"{stage.own / 3600:,.1f}",
        f"{hours:,.1f}",
        f"{stage.network / 1e9:,.0f}",
        f"{stage.memory / 1e9:,.0f}",
        f"{hours * (given.workers + given.cores) * given.price:,.0f}",
    ]


if __name__ == "__main__":
    main()
