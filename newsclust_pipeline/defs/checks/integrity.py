"""Checks between the stages: does each output belong to its inputs?"""

from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.defs import assets
from newsclust_pipeline.defs.checks.verdict import verdict
from newsclust_pipeline.defs.resources import Milvus
from newsclust_pipeline.defs.settings import name_settings
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.search.knn import recall
from newsclust_pipeline.store import collection
from newsclust_pipeline.store.contents import CollectionState
from newsclust_pipeline.stories.labels import noise_share
from newsclust_pipeline.stories.lineage import is_recorded

LEAST_RECALL = 0.95


@dg.asset_check(asset=assets.raw_news, blocking=True)
def ids_are_unique(
    context: dg.AssetCheckExecutionContext, raw_news: pa.Table
) -> dg.AssetCheckResult:
    """No two articles share an id."""
    repeated = raw_news.num_rows - pc.count_distinct(raw_news["doc_id"]).as_py()
    return verdict(
        context,
        repeated == 0,
        f"{repeated} ids of raw_news are repeated. Materialise raw_news again.",
        repeated=repeated,
    )


@dg.asset_check(
    asset=assets.embeddings, blocking=True, additional_ins={"raw_news": dg.AssetIn("raw_news")}
)
def vectors_are_sound(
    context: dg.AssetCheckExecutionContext, embeddings: pa.Table, raw_news: pa.Table
) -> dg.AssetCheckResult:
    """Every article has one vector: finite, of the model's dimension, of unit length."""
    vectors = matrix(embeddings)
    dimension = int((embeddings.schema.metadata or {}).get(b"dimension", b"-1"))
    lengths = np.linalg.norm(vectors, axis=1)
    bad = int(np.count_nonzero(~(np.abs(lengths - 1) < 1e-3)))  # NaN is bad, too
    same = embeddings["doc_id"].equals(raw_news["doc_id"])
    return verdict(
        context,
        bad == 0 and same and vectors.shape[1] == dimension,
        f"{bad} of {len(vectors)} vectors are not finite or not of unit length; "
        f"dimension {vectors.shape[1]}, the model's is {dimension}; documents "
        f"{'agree' if same else 'differ'} with raw_news. Materialise embeddings again.",
        bad_vectors=bad,
    )


@dg.asset_check(
    asset=assets.milvus_collection,
    blocking=True,
    additional_ins={"embeddings": dg.AssetIn("embeddings")},
)
def collection_is_complete(
    context: dg.AssetCheckExecutionContext,
    milvus_collection: dict[str, Any],
    embeddings: pa.Table,
    milvus: Milvus,
) -> dg.AssetCheckResult:
    """Milvus contains exactly the embedded documents."""
    problem = ""
    try:
        with milvus.client() as client:
            collection.verify(client, CollectionState(**milvus_collection), embeddings)
    except CollectionError as error:
        problem = name_settings(str(error))
    return verdict(context, not problem, problem)


@dg.asset_check(
    asset=assets.knn_distance_matrix,
    blocking=True,
    additional_ins={"embeddings": dg.AssetIn("embeddings")},
)
def matrix_is_sound(
    context: dg.AssetCheckExecutionContext, knn_distance_matrix: Neighbours, embeddings: pa.Table
) -> dg.AssetCheckResult:
    """The matrix covers the embedded documents, its distances are finite and not negative."""
    distances = knn_distance_matrix.distances
    bad = int(np.count_nonzero(~(np.isfinite(distances) & (distances >= 0))))
    same = knn_distance_matrix.doc_id.tolist() == embeddings["doc_id"].to_pylist()
    return verdict(
        context,
        bad == 0 and same,
        f"{bad} distances are negative or not finite; documents "
        f"{'agree' if same else 'differ'} with embeddings. Materialise knn_distance_matrix again.",
        bad_distances=bad,
    )


@dg.asset_check(
    asset=assets.knn_distance_matrix,
    additional_ins={"embeddings": dg.AssetIn("embeddings")},
)
def neighbours_are_nearest(
    context: dg.AssetCheckExecutionContext, knn_distance_matrix: Neighbours, embeddings: pa.Table
) -> dg.AssetCheckResult:
    """An approximate search missed few of the nearest documents."""
    share = recall(knn_distance_matrix, matrix(embeddings))
    return verdict(
        context,
        share >= LEAST_RECALL,
        f"the search found {share:.1%} of the true neighbours, fewer than {LEAST_RECALL:.0%}: "
        "stories may fall apart. Raise ef (HNSW) or nprobe (IVF_FLAT) in MILVUS_INDEX_PARAMS, or "
        "set MILVUS_INDEX=FLAT.",
        severity=dg.AssetCheckSeverity.WARN,
        recall=share,
    )


@dg.asset_check(
    asset=assets.hdbscan_labels, blocking=True, additional_ins={"raw_news": dg.AssetIn("raw_news")}
)
def labels_cover_raw_news(
    context: dg.AssetCheckExecutionContext, hdbscan_labels: pa.Table, raw_news: pa.Table
) -> dg.AssetCheckResult:
    """Every article has one label, and nothing else has."""
    return _same_documents(context, hdbscan_labels, raw_news, "hdbscan_labels")


@dg.asset_check(
    asset=assets.umap_projection, blocking=True, additional_ins={"raw_news": dg.AssetIn("raw_news")}
)
def positions_cover_raw_news(
    context: dg.AssetCheckExecutionContext, umap_projection: pa.Table, raw_news: pa.Table
) -> dg.AssetCheckResult:
    """Every article has one position, and nothing else has."""
    return _same_documents(context, umap_projection, raw_news, "umap_projection")


@dg.asset_check(asset=assets.hdbscan_labels)
def stories_were_found(
    context: dg.AssetCheckExecutionContext, hdbscan_labels: pa.Table
) -> dg.AssetCheckResult:
    """Not every document is noise."""
    share = noise_share(hdbscan_labels)
    return verdict(
        context,
        share < 1,
        f"all {hdbscan_labels.num_rows} documents are noise. Lower min_samples or "
        "min_cluster_size in the run config of hdbscan_labels, or bring in more news.",
        severity=dg.AssetCheckSeverity.WARN,
        noise_share=share,
    )


@dg.asset_check(asset=assets.hdbscan_labels, blocking=True)
def ids_are_consistent(
    context: dg.AssetCheckExecutionContext, hdbscan_labels: pa.Table
) -> dg.AssetCheckResult:
    """Every story has one id, no id stands for two stories, and noise has none."""
    pairs = hdbscan_labels.group_by(["label", "story_id"]).aggregate([])
    noise = pc.equal(pairs["label"], NOISE)
    named = pairs.filter(pc.invert(noise))
    stories, ids = (pc.count_distinct(named[name]).as_py() for name in ("label", "story_id"))
    of_noise = pairs.filter(noise)["story_id"].drop_null()
    return verdict(
        context,
        named.num_rows == stories == ids and len(of_noise) == 0,
        f"{stories} stories of hdbscan_labels have {ids} ids in {named.num_rows} combinations, "
        f"noise has {len(of_noise)}. Materialise hdbscan_labels again.",
        stories=stories,
    )


@dg.asset_check(
    asset=assets.story_lineage,
    blocking=True,
    additional_ins={"hdbscan_labels": dg.AssetIn("hdbscan_labels")},
)
def history_is_up_to_date(
    context: dg.AssetCheckExecutionContext, story_lineage: pa.Table, hdbscan_labels: pa.Table
) -> dg.AssetCheckResult:
    """By the history, the living stories and their articles are those of the labels."""
    return verdict(
        context,
        is_recorded(story_lineage, hdbscan_labels),
        "story_lineage doesn't end with the stories of hdbscan_labels. "
        "Materialise story_lineage again.",
    )


@dg.asset_check(
    asset=assets.stories,
    blocking=True,
    additional_ins={"hdbscan_labels": dg.AssetIn("hdbscan_labels")},
)
def stories_match_labels(
    context: dg.AssetCheckExecutionContext, stories: pa.Table, hdbscan_labels: pa.Table
) -> dg.AssetCheckResult:
    """The stories are those of the labels, each with as many articles, its exemplar among them."""
    told = stories.select(["story_id", "label", "size"]).to_pylist()
    grouped = hdbscan_labels.group_by(["story_id", "label"]).aggregate([([], "count_all")])
    counted = {tuple(row.values()) for row in grouped.to_pylist() if row["label"] != NOISE}
    wrong = counted.symmetric_difference(tuple(row.values()) for row in told)
    faces = pc.index_in(stories["exemplar_doc_id"], hdbscan_labels["doc_id"])
    foreign = pc.not_equal(hdbscan_labels["story_id"].take(faces), stories["story_id"])
    strangers = int(pc.sum(pc.fill_null(foreign, fill_value=True)).as_py() or 0)
    return verdict(
        context,
        not wrong and not strangers and len(told) == len(counted),
        f"stories has {len(told)} stories, hdbscan_labels {len(counted)}; {len(wrong)} differ in "
        f"id, label or size, {strangers} have an exemplar of another story. "
        "Materialise stories again, with all that lies before it.",
        stories=len(told),
    )


def _same_documents(
    context: dg.AssetCheckExecutionContext, table: pa.Table, raw_news: pa.Table, name: str
) -> dg.AssetCheckResult:
    same = sorted(table["doc_id"].to_pylist()) == sorted(raw_news["doc_id"].to_pylist())
    return verdict(
        context,
        same,
        f"{name} has {table.num_rows} rows, raw_news {raw_news.num_rows}, and their documents "
        f"differ. Materialise {name} again, with all that lies before it.",
        rows=table.num_rows,
    )


CHECKS = [
    ids_are_unique,
    vectors_are_sound,
    collection_is_complete,
    matrix_is_sound,
    neighbours_are_nearest,
    labels_cover_raw_news,
    positions_cover_raw_news,
    stories_were_found,
    ids_are_consistent,
    stories_match_labels,
    history_is_up_to_date,
]
