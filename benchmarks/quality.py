"""How good are the stories, against other ways to cluster the same vectors?

    python -m benchmarks.quality [--gold file.parquet …] [--column gold] [--oracle]

The bundled sample is always among the sets; other gold sets are dumps with a column of true
stories. Most ways cluster the default embedder's vectors of all articles, identical copies
deduplicated; those by TF-IDF know the words alone. The figure is BCubed F1 with noise as
singletons. Every way runs with its documented defaults; with --oracle also with the best values of
a small grid, which no user can know: they are chosen by the gold labels.

The second table has six sets derived from each set: does the choice between algorithms keep up with
the better of the two?
"""

import argparse
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gold_sets import GoldSet, derive, load
from benchmarks.quality_ways import WAYS, Way, auto, by_silhouette, ours
from benchmarks.report import table, versions
from newsclust_pipeline.defs.resources import SAMPLE

NONE = "none documented"
# The defaults, the best of each algorithm by its silhouette alone, and the choice among both.
OURS = {
    "3, 3, eom": ours,
    "HDBSCAN by silhouette": lambda of: by_silhouette(of, "hdbscan"),
    "average linkage by silhouette": lambda of: by_silhouette(of, "average"),
    "tuning: auto": auto,
}


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gold", type=Path, nargs="*", default=[])
    options.add_argument("--column", default="gold")
    options.add_argument("--oracle", action="store_true")
    arguments, _ = options.parse_known_args()
    warnings.filterwarnings("ignore")

    sets = [load(SAMPLE, "story"), *(load(path, arguments.column) for path in arguments.gold)]
    derived_table([subset for one in sets for subset in derive(one)])
    head = ["", *(f"{s.name} ({len(s.gold)}, {len(set(s.gold))} stories)" for s in sets)]
    defaults = {way.name: [at_defaults(way, s) for s in sets] for way in WAYS}
    rows = [[name, *(f"{value:.3f}" if value else NONE for value in values)]
            for name, values in defaults.items()]  # fmt: skip
    table("quality", "BCubed F1 at documented defaults", head, rows)
    if arguments.oracle:
        best = [[way.name, *(at_best(way, s) for s in sets)] for way in WAYS if way.grid]
        table("quality_oracle", "BCubed F1, oracle: best of a grid by gold labels", head, best)
    print(versions("hdbscan", "umap-learn", "evoc", "fast_hdbscan", "scikit-learn", "igraph"))


def derived_table(sets: list[GoldSet]) -> None:
    """Compare the choice with the better of the two algorithms on derived sets."""
    figures = np.array([[of.f1(cluster(of)) for cluster in OURS.values()] for of in sets])
    behind = figures[:, 1:3].max(axis=1) - figures[:, 3]
    rows = [
        [of.name, len(of.gold), *(f"{value:.3f}" for value in row), f"{-gap:+.3f}"]
        for of, row, gap in zip(sets, figures, behind, strict=True)
    ]
    rows += [
        ["mean", "", *(f"{value:.3f}" for value in figures.mean(axis=0)), f"{-behind.mean():+.3f}"],
        ["worst", "", *(f"{value:.3f}" for value in figures.min(axis=0)), f"{-behind.max():+.3f}"],
    ]
    head = ["", "articles", *OURS, "auto against the better of the two"]
    table("quality_derived", "BCubed F1 on derived sets", head, rows)


def at_defaults(way: Way, of: GoldSet) -> float | None:
    """Return F1 at the documented defaults; None where nobody documents any."""
    return None if way.defaults is None else of.f1(way.cluster(of, **way.defaults))


def at_best(way: Way, of: GoldSet) -> str:
    """Return the best F1 of the grid, with the settings that reach it."""
    score, settings = max(
        ((of.f1(way.cluster(of, **one)), one) for one in combinations(way.grid)),
        key=lambda found: found[0],
    )
    return f"{score:.3f} ({', '.join(map(str, settings.values()))})"


def combinations(grid: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield all combinations of a grid's values."""
    yield from (dict(zip(grid, values, strict=True)) for values in product(*grid.values()))


if __name__ == "__main__":
    main()
