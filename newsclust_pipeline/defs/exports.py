"""The assets that other programs and readers open: tables, a digest, feeds.

Nothing else depends on them. The pipeline itself is in `assets.py`.
"""

import dagster as dg
import pyarrow as pa

from newsclust_pipeline.defs.io_managers import MarkdownIO
from newsclust_pipeline.defs.materialize import result, stage
from newsclust_pipeline.defs.reuse import Result, Reuse
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.stories.digest import digest as write_digest
from newsclust_pipeline.stories.exports import documents_table
from newsclust_pipeline.stories.story_feeds import story_feeds as write_feeds
from newsclust_pipeline.viz.map_labels import labels_table


@stage("parquet", reuse=Reuse())
def documents(
    raw_news: pa.Table,
    hdbscan_labels: pa.Table,
    stories: pa.Table,
    umap_projection: pa.Table,
    knn_distance_matrix: Neighbours,
) -> Result:
    """All that is known of every article in one table, which embedding-atlas opens as it is."""
    table = documents_table(raw_news, hdbscan_labels, stories, umap_projection, knn_distance_matrix)
    return result(table)


@stage("parquet", reuse=Reuse())
def map_labels(stories: pa.Table, hdbscan_labels: pa.Table, umap_projection: pa.Table) -> Result:
    """The stories' names at their places on the map, for embedding-atlas's `--labels`."""
    return result(labels_table(stories, hdbscan_labels, umap_projection))


@stage("markdown", io="markdown")
def digest(
    stories: pa.Table,
    story_lineage: pa.Table,
    raw_news: pa.Table,
    markdown_io: dg.ResourceParam[MarkdownIO],
) -> Result:
    """What happened, to be mailed: what is new, biggest, growing fastest, merged, split, ended."""
    text = write_digest(stories, story_lineage, raw_news, markdown_io.address("cluster_plot.html"))
    return result(text, digest=dg.MetadataValue.md(text))


@stage("atom", "json", io="story_feeds")
def story_feeds(
    stories: pa.Table, story_lineage: pa.Table, hdbscan_labels: pa.Table, raw_news: pa.Table
) -> Result:
    """Stories that have appeared or grown, as feeds that any reader can follow."""
    return result(write_feeds(stories, story_lineage, hdbscan_labels, raw_news))
