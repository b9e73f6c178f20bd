"""Checks between the stages: does each output belong to its inputs?"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.defs.checks.check import Check, Verdict, check
from newsclust_pipeline.defs.resources import Milvus
from newsclust_pipeline.embed.auto import ENGLISH, MAX_FOREIGN_SHARE, RUNS_TO_CHANGE
from newsclust_pipeline.ingest.language import count_languages, foreign_share
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.store.collection import verify
from newsclust_pipeline.store.contents import CollectionState
from newsclust_pipeline.stories.labels import noise_share
from newsclust_pipeline.stories.lineage import is_recorded

MIN_RECALL = 0.95
MIN_SILHOUETTE = 0.2  # sets of articles without any stories reach 0.08 to 0.2


@check("raw_news", blocking=True)
def ids_are_unique(raw_news: pa.Table) -> Verdict:
    """No two articles share an id."""
    repeated = raw_news.num_rows - pc.count_distinct(raw_news["doc_id"]).as_py()
    return Verdict(
        repeated == 0,
        f"{repeated} ids of raw_news are repeated. Materialise raw_news again.",
        {"repeated": repeated},
    )


@check("embeddings", blocking=True)
def vectors_are_sound(embeddings: pa.Table, raw_news: pa.Table) -> Verdict:
    """Every article that is not rejected has one vector: of the model's dimension, unit length."""
    vectors = matrix(embeddings)
    dimension = int((embeddings.schema.metadata or {}).get(b"dimension", b"-1"))
    lengths = np.linalg.norm(vectors, axis=1)
    bad = int(np.count_nonzero(~(np.abs(lengths - 1) < 1e-3)))  # NaN is bad, too
    has_vector = pc.is_in(raw_news["doc_id"], embeddings["doc_id"])
    same = embeddings["doc_id"].equals(raw_news["doc_id"].filter(has_vector))
    return Verdict(
        bad == 0 and same and vectors.shape[1] == dimension,
        f"{bad} of {len(vectors)} vectors are not finite or not of unit length; "
        f"dimension {vectors.shape[1]}, the model's is {dimension}; documents "
        f"{'agree' if same else 'differ'} with raw_news. Materialise embeddings again.",
        {"bad_vectors": bad, "articles_without_vector": raw_news.num_rows - len(vectors)},
    )


@check("embeddings")
def embedder_suits_languages(embeddings: pa.Table, raw_news: pa.Table) -> Verdict:
    """Articles in other languages than English are not embedded by a model for English."""
    metadata = embeddings.schema.metadata or {}
    share = foreign_share(raw_news)
    languages = ", ".join(f"{code} {n}" for code, n in count_languages(raw_news).items())
    return Verdict(
        share <= MAX_FOREIGN_SHARE or metadata.get(b"embedder") != ENGLISH.encode(),
        f"{share:.0%} of the articles are not in English ({languages}), but minilm is a model for "
        f"English: its stories are languages rather than events. {_embedder_advice(metadata)}",
        {"foreign_share": share},
    )


def _embedder_advice(metadata: Mapping[bytes, bytes]) -> str:
    """Return how to replace a model for English."""
    if metadata.get(b"embedder_is_substitute") == b"1":
        return "Install the other model: pip install 'newsclust_pipeline[multilingual]'"
    if metadata.get(b"embedder_setting") == b"auto":
        runs = metadata.get(b"embedder_opposed", b"0").decode()
        return (
            f"It changes when {RUNS_TO_CHANGE} runs in a row need the other model ({runs} so far). "
            "Set NEWSCLUST_EMBEDDER=e5 to change it now."
        )
    return "Set NEWSCLUST_EMBEDDER to auto or e5."


@check("milvus_collection", blocking=True)
def collection_is_complete(
    milvus_collection: dict[str, Any], embeddings: pa.Table, milvus: Milvus
) -> Verdict:
    """Milvus contains exactly the embedded documents."""
    problem = ""
    try:
        with milvus.client() as client:
            verify(client, CollectionState(**milvus_collection), embeddings)
    except CollectionError as error:
        problem = str(error)
    return Verdict(not problem, problem)


@check("knn_distance_matrix", blocking=True)
def matrix_is_sound(knn_distance_matrix: Neighbours, embeddings: pa.Table) -> Verdict:
    """The matrix covers the embedded documents, its distances are finite and not negative."""
    distances = knn_distance_matrix.distances
    bad = int(np.count_nonzero(~(np.isfinite(distances) & (distances >= 0))))
    same = knn_distance_matrix.doc_id.tolist() == embeddings["doc_id"].to_pylist()
    return Verdict(
        bad == 0 and same,
        f"{bad} distances are negative or not finite; documents "
        f"{'agree' if same else 'differ'} with embeddings. Materialise knn_distance_matrix again.",
        {"bad_distances": bad},
    )


@check("knn_distance_matrix")
def neighbours_are_nearest(figures: dict[str, Any]) -> Verdict:
    """An approximate search missed few of the nearest documents."""
    return Verdict(
        figures["recall"] >= MIN_RECALL,
        f"the search found {figures['recall']:.1%} of the true neighbours, fewer than "
        f"{MIN_RECALL:.0%}: stories may fall apart. Raise ef (HNSW) or nprobe (IVF_FLAT) in "
        "`milvus.index_params`, or set `milvus.index` to FLAT.",
        {"recall": figures["recall"]},
    )


@check("hdbscan_labels", blocking=True)
def labels_cover_raw_news(hdbscan_labels: pa.Table, embeddings: pa.Table) -> Verdict:
    """Every article has one label, and nothing else has one."""
    return _same_documents("hdbscan_labels", hdbscan_labels, "embeddings", embeddings)


@check("umap_projection", blocking=True)
def positions_cover_raw_news(umap_projection: pa.Table, embeddings: pa.Table) -> Verdict:
    """Every article has one position, and nothing else has one."""
    return _same_documents("umap_projection", umap_projection, "embeddings", embeddings)


@check("hdbscan_labels")
def stories_were_found(hdbscan_labels: pa.Table) -> Verdict:
    """Not every document is noise."""
    share = noise_share(hdbscan_labels)
    return Verdict(
        share < 1,
        f"all {hdbscan_labels.num_rows} documents are noise. Lower min_samples or "
        "min_cluster_size in the run config of hdbscan_labels, or add more news.",
        {"noise_share": share},
    )


@check("hdbscan_labels")
def stories_are_coherent(hdbscan_labels: pa.Table) -> Verdict:
    """The mean silhouette is above the level that articles about nothing in common reach."""
    values = np.asarray(hdbscan_labels["silhouette"])
    score = float(values.mean()) if len(values) else 0.0
    return Verdict(
        score >= MIN_SILHOUETTE or noise_share(hdbscan_labels) == 1,
        f"the mean silhouette of the documents is {score:.2f}. Below {MIN_SILHOUETTE} there may be "
        "few real stories, the embedder may not know the language, or the parameters don't suit: "
        "try tuning: auto in the run config of hdbscan_labels.",
        {"silhouette": score},
    )


@check("hdbscan_labels", blocking=True)
def ids_are_consistent(hdbscan_labels: pa.Table) -> Verdict:
    """Every story has one id, no two stories share an id, and noise has none."""
    pairs = hdbscan_labels.group_by(["label", "story_id"]).aggregate([])
    noise = pc.equal(pairs["label"], NOISE)
    of_stories = pairs.filter(pc.invert(noise))
    stories, ids = (pc.count_distinct(of_stories[name]).as_py() for name in ("label", "story_id"))
    of_noise = pairs.filter(noise)["story_id"].drop_null()
    return Verdict(
        of_stories.num_rows == stories == ids and len(of_noise) == 0,
        f"{stories} stories of hdbscan_labels have {ids} ids in {of_stories.num_rows} "
        f"combinations, noise has {len(of_noise)}. Materialise hdbscan_labels again.",
        {"stories": stories},
    )


@check("stories", blocking=True)
def stories_match_labels(stories: pa.Table, hdbscan_labels: pa.Table) -> Verdict:
    """The stories are those of the labels, each with as many articles, its exemplar among them."""
    described = stories.select(["story_id", "label", "size"]).to_pylist()
    grouped = hdbscan_labels.group_by(["story_id", "label"]).aggregate([([], "count_all")])
    labelled = {tuple(row.values()) for row in grouped.to_pylist() if row["label"] != NOISE}
    different = labelled.symmetric_difference(tuple(row.values()) for row in described)
    exemplars = pc.index_in(stories["exemplar_doc_id"], hdbscan_labels["doc_id"])
    foreign = pc.not_equal(hdbscan_labels["story_id"].take(exemplars), stories["story_id"])
    strangers = int(pc.sum(pc.fill_null(foreign, fill_value=True)).as_py() or 0)
    return Verdict(
        not different and not strangers and len(described) == len(labelled),
        f"stories has {len(described)} stories, hdbscan_labels {len(labelled)}; {len(different)} "
        f"differ in id, label or size, {strangers} have an exemplar of another story. "
        "Materialise stories again, with all assets before it.",
        {"stories": len(described)},
    )


@check("story_lineage", blocking=True)
def history_is_up_to_date(story_lineage: pa.Table, hdbscan_labels: pa.Table) -> Verdict:
    """By the history, the living stories and their articles are those of the labels."""
    return Verdict(
        is_recorded(story_lineage, hdbscan_labels),
        "story_lineage doesn't end with the stories of hdbscan_labels. "
        "Materialise story_lineage again.",
    )


def _same_documents(name: str, table: pa.Table, other_name: str, other: pa.Table) -> Verdict:
    same = sorted(table["doc_id"].to_pylist()) == sorted(other["doc_id"].to_pylist())
    return Verdict(
        same,
        f"{name} has {table.num_rows} rows, {other_name} {other.num_rows}, and their documents "
        f"differ. Materialise {name} again, with all assets before it.",
        {"rows": table.num_rows},
    )


CHECKS: list[Check] = [
    ids_are_unique,
    vectors_are_sound,
    embedder_suits_languages,
    collection_is_complete,
    matrix_is_sound,
    neighbours_are_nearest,
    labels_cover_raw_news,
    positions_cover_raw_news,
    stories_were_found,
    stories_are_coherent,
    ids_are_consistent,
    stories_match_labels,
    history_is_up_to_date,
]
