"""The assets that evaluate: parameters of the clustering, and the quality of the stories.

Nothing else depends on them. The pipeline itself is in `assets.py`.
"""

from dataclasses import replace

import pyarrow as pa

from newsclust_pipeline.cluster import gold, metrics, sweep
from newsclust_pipeline.cluster.time_distance import with_time
from newsclust_pipeline.core.tables import sort_by_id, vectors_of
from newsclust_pipeline.defs import config as run_config
from newsclust_pipeline.defs import figures
from newsclust_pipeline.defs.config import plain
from newsclust_pipeline.defs.materialize import result, stage
from newsclust_pipeline.defs.resources import Engine, PreviousRun
from newsclust_pipeline.defs.reuse import Result, Reuse
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.stories.series import find_series
from newsclust_pipeline.stories.series_clusters import without_series
from newsclust_pipeline.viz import parameter_plot as parameter_plot_page


@stage("hdbscan", "parquet", reuse=Reuse())
def parameter_sweep(
    config: run_config.TimeConfig,
    knn_distance_matrix: Neighbours,
    embeddings: pa.Table,
    raw_news: pa.Table,
    engine: Engine,
) -> Result:
    """Algorithms and parameters for these documents, ranked without gold labels; best first."""
    documents = with_time(knn_distance_matrix, embeddings, raw_news, *config.time())
    articles = sort_by_id(raw_news, knn_distance_matrix.doc_id)
    documents = replace(documents, engine=engine.open())
    documents = without_series(documents, find_series(articles))
    documents = documents.take(knn_distance_matrix.doc_id.argsort())  # the others take no memory
    table = sweep.sweep(documents)
    params = {"k": knn_distance_matrix.k} | plain(config)
    return result(table, params, **figures.of_sweep(table))


@stage("html", io="page", reuse=Reuse())
def parameter_plot(parameter_sweep: pa.Table) -> Result:
    """The sweep as a plot: the share of noise and the silhouette of every clustering."""
    return result(parameter_plot_page.build_page(parameter_sweep))


@stage(
    "scikitlearn",
    "parquet",
    reuse=Reuse(figures=lambda last, **_: metrics.compare_with_last_run(last, last)),
)
def story_quality(
    config: run_config.QualityConfig,
    knn_distance_matrix: Neighbours,
    embeddings: pa.Table,
    hdbscan_labels: pa.Table,
    gold_labels: pa.Table,
    previous: PreviousRun,
) -> Result:
    """The quality of the stories: by the graph, the last run, and gold labels if there are any."""
    vectors = vectors_of(embeddings, knn_distance_matrix.doc_id)
    found = metrics.evaluate(knn_distance_matrix, vectors, hdbscan_labels, previous.quality())
    if gold_labels.num_rows:
        true_stories = gold.read_gold(gold_labels)
        found = gold.evaluate_with_gold(found, true_stories, config.blank_gold_is_unknown)
    return result(found.documents, plain(config), **found.figures)
