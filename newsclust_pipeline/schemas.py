"""Every table that is persisted: its columns, their types and one description each.

The only data dictionary. Stages build their tables by `TABLES[asset].schema`, the UI shows the
descriptions, checks compare files with it, and the documentation is generated from it.
"""

import pyarrow as pa

from newsclust_pipeline.core.columns import (
    DAY,
    LANGUAGE,
    NEIGHBORS,
    STRINGS,
    TIME,
    Column,
    Table,
    required,
)
from newsclust_pipeline.core.tables import lists_of

_DOC_ID = required("doc_id", pa.string(), "Document id: 64 bits of the hash of its text, in hex.")
_ANY_DOC_ID = _DOC_ID._replace(nullable=True)
_TITLE = required("title", pa.string(), "Headline, cleaned.")
_TEXT = required("text", pa.string(), "Title and description.")
_URL = Column("url", pa.string(), "Address of the article.")
_PUBLISHED = Column("published_at", TIME, "Time of publication, UTC; null if unknown.")
_LABEL = required(
    "label", pa.int32(), "Number of the story in this run, the largest is 0; −1 for noise."
)
_ANY_LABEL = _LABEL._replace(nullable=True)
_PROBABILITY = Column("probability", pa.float64(), "How strongly it belongs to its story, 0 to 1.")
_STORY_ID = Column("story_id", pa.string(), "Story id, stable across runs; null for noise.")
_PERSISTENCE = Column(
    "persistence", pa.float64(), "Stability of the cluster relative to the others, 0 to 1."
)
_SILHOUETTE = Column(
    "silhouette",
    pa.float64(),
    "How much nearer the own story is than the next one, −1 to 1; 0 for noise.",
)
_POSITIONS = (
    Column("x", pa.float32(), "Position on the map."),
    Column("y", pa.float32(), "Position on the map."),
    Column("z", pa.float32(), "Position on the map, if it has three dimensions.", optional=True),
)
_ARTICLE = (
    _DOC_ID,
    _TITLE,
    Column("description", pa.string(), "Description, cleaned; null if there is none."),
    _TEXT,
    _PUBLISHED,
    _URL,
    Column("venue", pa.string(), "The outlet that published the article."),
    required("dump", pa.string(), "Name of the file that the article was read from."),
    required("copies", pa.int32(), "Number of identical articles in this row, itself included."),
    required("venues", STRINGS, "Outlets of all copies, sorted."),
    Column("language", pa.string(), "Detected language (BCP 47); null if uncertain."),
    required("versions", pa.int32(), "Number of versions of the article; this row is the latest."),
    required("date_suspect", pa.bool_(), "Whether the time of publication can't be right."),
    Column("embedded_text", pa.string(), "What is embedded instead of the text, if not the text."),
)

RAW_NEWS = Table("One article.", _ARTICLE, key=("doc_id",))
REJECTED_ROWS = Table(
    "One row of a dump that could not be used.",
    (
        required("file", pa.string(), "Name of the file."),
        required("row", pa.int64(), "Number of the row, from 1; 0: it has no vector."),
        required("reason", pa.string(), "Why the row could not be used."),
        required("content", pa.string(), "The row, as text or JSON."),
    ),
)
NEAR_DUPLICATES = Table(
    "One article that is a near-duplicate or another version of one in raw_news.",
    (
        *_ARTICLE,
        Column("duplicate_of", pa.string(), "Id of the article in raw_news that represents it."),
        Column("text_similarity", pa.float64(), "Share of the text in the other one."),
        Column("headline_similarity", pa.float64(), "How far the headlines agree, 0 to 1."),
        required("reason", pa.string(), "Why the two are the same article."),
    ),
    references={"duplicate_of": ("raw_news", "doc_id")},
)
GOLD_LABELS = Table(
    "One pair of an article and a gold label. An article with several labels has several rows.",
    (
        _DOC_ID,
        Column("gold", pa.string(), "The true story by the gold column; null if it names none."),
        required("rows", pa.int64(), "Number of rows of the dumps that name this label."),
    ),
    key=("doc_id", "gold"),
)


def embeddings(dimension: int) -> Table:
    """Return the table of embeddings for vectors of this dimension."""
    vector = pa.list_(pa.float32(), dimension)
    return Table(
        "The vector of one article.",
        (_DOC_ID, required("embedding", vector, "Vector of the text, of unit length.")),
        key=("doc_id",),
    )


HDBSCAN_LABELS = Table(
    "The story of one article.",
    (
        _ANY_DOC_ID,
        _ANY_LABEL,
        _PROBABILITY,
        _STORY_ID,
        _PERSISTENCE._replace(description=f"{_PERSISTENCE.description[:-1]}; null for noise."),
        Column("nearest_story_id", pa.string(), "For noise: the nearest story, if one is near."),
        Column(
            "nearest_story_strength", pa.float64(), "Its nearness, on the scale of probability."
        ),
        _SILHOUETTE,
        Column("topic_id", pa.string(), "Id of the topic's largest story; null for noise."),
        Column("area_id", pa.string(), "Id of the largest story of the area of topics."),
    ),
    key=("doc_id",),
)
STORIES = Table(
    "One story, events before recurring columns, the largest first.",
    (
        _STORY_ID._replace(nullable=False, description="Story id, stable across runs."),
        _LABEL._replace(description="Number of the story in this run, the largest is 0."),
        required("title", pa.string(), "Title of the story."),
        required("title_source", pa.string(), "headline (of the exemplar) or model."),
        required("keywords", STRINGS, "Words that set the story apart, best first."),
        required("size", pa.int32(), "Number of articles."),
        required("copies", pa.int32(), "Number of articles, identical copies included."),
        required("outlets", pa.int32(), "Number of outlets."),
        Column("first_published", TIME, "Time of the first dated article, UTC."),
        Column("last_published", TIME, "Time of the last dated article, UTC."),
        required("exemplar_doc_id", pa.string(), "The medoid: the article nearest to all others."),
        _PERSISTENCE,
        required("per_day", lists_of(DAY), "Number of articles by day (UTC), no zeros."),
        required("short_title", pa.string(), "Unique title of at most 32 characters."),
        required(
            "kind",
            pa.string(),
            "event; or column: most of its articles are issues of an outlet's recurring column.",
        ),
        required(
            "languages",
            lists_of(LANGUAGE),
            "Languages (BCP 47) of the articles, the most frequent first; unknown ones omitted.",
        ),
        required("cohesion", pa.float64(), "Mean silhouette; below 0.1 is doubtful."),
        required("topic_id", pa.string(), "Id of the largest story of the topic."),
        required("topic", pa.string(), "Keywords of the topic."),
        required("area_id", pa.string(), "Id of the largest story of the area of topics."),
        required("area", pa.string(), "Keywords of the area."),
    ),
    key=("story_id",),
    references={"exemplar_doc_id": ("raw_news", "doc_id")},
)
STORY_LINEAGE = Table(
    "What one run found had become of one story.",
    (
        required("run_id", pa.string(), "The run."),
        required("at", TIME, "When the run began, UTC."),
        _STORY_ID._replace(nullable=False, description="Story id, stable across runs."),
        required("event", pa.string(), "born, continued, grown, shrunk, merged, split or ended."),
        Column(
            "other_story_id",
            pa.string(),
            "The story it joined (merged) or left (split); else null.",
        ),
        required("size_before", pa.int32(), "Number of articles in the run before."),
        required("size_after", pa.int32(), "Number of articles in this run."),
        required("shared", pa.int32(), "Articles that the two compared stories have in common."),
        required(
            "overlap",
            pa.float64(),
            "Their Jaccard index, over articles that are still there and were in a story.",
        ),
        required("title", pa.string(), "Title of the story."),
        required("joined", STRINGS, "Ids of the articles that joined the story."),
        required("left", STRINGS, "Ids of the articles that left the story."),
        Column(
            "parameters_changed",
            pa.string(),
            "Parameters of the clustering that differ from those of the run before; null if none "
            "does. Then the event follows from the news alone.",
        ),
    ),
)
UMAP_PROJECTION = Table(
    "The position of one article on the map.", (_ANY_DOC_ID, *_POSITIONS), key=("doc_id",)
)
DOCUMENTS = Table(
    "One article with all that is known of it.",
    (
        _ANY_DOC_ID,
        _TITLE,
        _TEXT,
        Column("outlet", pa.string(), "The outlet that published the article."),
        _URL,
        _PUBLISHED,
        _STORY_ID,
        _ANY_LABEL,
        Column("story_title", pa.string(), "Title of the story; null for noise."),
        _PROBABILITY,
        *_POSITIONS,
        Column(
            "neighbors",
            NEIGHBORS,
            "Rows of the nearest documents in this table, from 0, and their distances.",
        ),
    ),
    key=("doc_id",),
    references={"doc_id": ("raw_news", "doc_id"), "story_id": ("stories", "story_id")},
)
MAP_LABELS = Table(
    "The label of one story on the map, for viewers such as embedding-atlas.",
    (
        required("x", pa.float32(), "Position on the map."),
        required("y", pa.float32(), "Position on the map."),
        required("text", pa.string(), "Short title of the story."),
        required("level", pa.int32(), "Zoom level: 0 is shown first, higher ones on zooming in."),
        required("priority", pa.int32(), "Articles of the story; the higher wins the space."),
    ),
)
PARAMETER_SWEEP = Table(
    "One clustering, the recommended one first, then by score.",
    (
        required("algorithm", pa.string(), "hdbscan, or average for average linkage."),
        Column("min_samples", pa.int32(), "Parameter of HDBSCAN."),
        required("min_cluster_size", pa.int32(), "The fewest articles of a story."),
        Column("cluster_selection_method", pa.string(), "Parameter of HDBSCAN."),
        Column("cluster_selection_epsilon", pa.float64(), "Parameter of HDBSCAN."),
        required("allow_single_cluster", pa.bool_(), "Whether all articles may be one story."),
        Column("cut_height", pa.float64(), "Mean distance at which average linkage stops."),
        Column("min_cohesion", pa.float64(), "Stories with a lower mean silhouette are noise."),
        required("score", pa.float64(), "Silhouette minus 0.03 times the share in stories."),
        required("silhouette", pa.float64(), "Mean silhouette of all documents, 0 for noise."),
        required("density_validity", pa.float64(), "Density-based validity, −1 to 1."),
        Column(
            "stability",
            pa.float64(),
            "Adjusted Rand index with clusterings of random subsets; for the best few only.",
        ),
        Column("subset_agreement", pa.float64(), "Their adjusted Rand index."),
        required("stories", pa.int32(), "Number of stories."),
        required("noise_share", pa.float64(), "Share of documents in no story."),
        required("largest_story_share", pa.float64(), "Share of documents in the largest story."),
    ),
)
STORY_QUALITY = Table(
    "The quality of one article's label.",
    (
        _ANY_DOC_ID,
        _ANY_LABEL,
        _SILHOUETTE,
        Column("gold", pa.string(), "The gold label; null if there is none.", optional=True),
    ),
    key=("doc_id",),
    references={"doc_id": ("hdbscan_labels", "doc_id")},
)

# By asset. The dimension of the vectors is the embedder's.
FEEDS = Table(
    "One feed and how it is doing.",
    (
        required("address", pa.string(), "Address of the feed, as the list of feeds has it."),
        required("url", pa.string(), "Address that is asked, after permanent redirects."),
        required("title", pa.string(), "Name of the feed; empty if unknown."),
        required("format", pa.string(), "Format that the last body had; empty if none was read."),
        required("status", pa.string(), "ok, unchanged, failed, gone, or new if never asked."),
        required("http_status", pa.int32(), "Status of the last answer; 0 if there was none."),
        required("problem", pa.string(), "What is wrong; empty if nothing is."),
        required("failures", pa.int32(), "Failed fetches since the last good answer."),
        required("items", pa.int64(), "Articles that were new, over all runs."),
        Column("last_try", TIME, "When the feed was asked last, UTC."),
        Column("last_success", TIME, "When it gave a good answer last, UTC."),
        Column("last_new", TIME, "When it listed a new article last, UTC."),
        Column("next_due", TIME, "It is not asked again before, UTC."),
    ),
    key=("address",),
)

TABLES = {
    "feeds": FEEDS,
    "raw_news": RAW_NEWS,
    "rejected_rows": REJECTED_ROWS,
    "near_duplicates": NEAR_DUPLICATES,
    "gold_labels": GOLD_LABELS,
    "embeddings": embeddings(1),
    "hdbscan_labels": HDBSCAN_LABELS,
    "stories": STORIES,
    "story_lineage": STORY_LINEAGE,
    "umap_projection": UMAP_PROJECTION,
    "documents": DOCUMENTS,
    "map_labels": MAP_LABELS,
    "parameter_sweep": PARAMETER_SWEEP,
    "story_quality": STORY_QUALITY,
}
