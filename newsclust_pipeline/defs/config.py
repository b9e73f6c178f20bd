"""Run config: the parameters of the algorithms, typed, bounded and described for the Launchpad."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from newsclust_pipeline.cluster.candidates import Parameters


class ArrivalConfig(dg.Config):
    """Thresholds of the checks of raw_news: what counts as a bad dump."""

    max_rejected: float = Field(
        0.5, ge=0, le=1, description="Share of rejected rows above which the run stops. 0 to 1."
    )
    max_untitled: float = Field(
        0.5, ge=0, le=1, description="Share of rows without a title above which the run stops."
    )
    max_drop: float = Field(
        0.5,
        ge=0,
        le=1,
        description="The run stops if there are fewer articles than in the last runs (the median "
        "of five) by more than this share. 1 allows every drop.",
    )
    max_copies: float = Field(
        0.9, ge=0, le=1, description="Share of rows that are copies above which there is a warning."
    )
    max_wrong_dates: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Share of dates that are unreadable, in the future or ancient above which "
        "there is a warning.",
    )
    first_year: int = Field(
        1990, ge=1700, le=2100, description="Dates before this year are ancient."
    )
    days_ahead: int = Field(
        2, ge=0, le=366, description="Dates more than this many days ahead are in the future."
    )


class ArticlesConfig(ArrivalConfig):
    """Parameters of `raw_news`."""

    window_days: int | None = Field(
        None,
        ge=1,
        description="Articles published more than this many days before the newest are left out; "
        "undated ones stay. Unset: all stay.",
    )
    near_duplicate_similarity: float | None = Field(
        0.8,
        gt=0,
        le=1,
        description="Minimum share of the shorter text's runs of three words that occur in the "
        "other one for two articles to be near-duplicates, if their headlines agree, too. Unset: "
        "near-duplicates are kept.",
    )
    gold_column: str = Field(
        "",
        description="The dumps' column with the true story of every article, for story_quality. "
        "Empty: there is none.",
    )

    def preparation(self) -> dict[str, Any]:
        """Return the arguments of `ingest.prepare.prepare_articles`."""
        return {
            "days": self.window_days,
            "similarity": self.near_duplicate_similarity,
            "now": datetime.now(UTC),
        }

    def deduplication(self) -> dict[str, object]:
        """Return the parameters that decide which articles stay."""
        return {k: getattr(self, k) for k in ("window_days", "near_duplicate_similarity")}


class FeedsConfig(dg.Config):
    """Parameters of `feeds`."""

    window_days: int | None = Field(
        None,
        ge=1,
        description="Articles that were fetched more than this many days ago are deleted from the "
        "landing folder. Use the window_days of raw_news. Unset: all stay.",
    )


class EmbeddingsConfig(dg.Config):
    """Parameters of `embeddings`."""

    max_rejected: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Share of articles without a usable vector above which the run stops. One such "
        "article never stops it, unless this is 0. 0 to 1.",
    )


class KnnConfig(dg.Config):
    """Parameters of `knn_distance_matrix`."""

    k: int = Field(
        50,
        ge=1,
        le=1000,
        description="Neighbours of every document that become edges of the distance matrix, "
        "1 to 1000.",
    )
    projection_neighbors: int = Field(
        80,
        ge=2,
        le=1000,
        description="Neighbours (the document itself included) to keep for umap_projection, "
        "2 to 1000. With fewer than its n_neighbors, UMAP has to search again.",
    )

    @property
    def width(self) -> int:
        """Number of neighbours to search for every document."""
        return max(self.k, self.projection_neighbors - 1)


class ClusterSelectionMethod(Enum):
    """How clusters are selected from the hierarchy."""

    eom = "eom"
    leaf = "leaf"


class Algorithm(Enum):
    """How documents are clustered."""

    hdbscan = "hdbscan"
    average = "average"


class Tuning(Enum):
    """How algorithm and parameters are chosen."""

    none = "none"
    auto = "auto"


class TimeConfig(dg.Config):
    """Parameters of time in the distance, of `parameter_sweep` and `hdbscan_labels`."""

    time_weight: float = Field(
        0.0,
        ge=0.0,
        le=2.0,
        description="The most that time between articles may add to their distance, 0 to 2. Use "
        "0.5 where stories are events, 0 (off) where they last.",
    )
    time_scale_days: float = Field(
        7.0,
        gt=0.0,
        le=3650.0,
        description="Days between articles after which two thirds of time_weight count, "
        "above 0, up to 3650.",
    )

    def time(self) -> tuple[float, float]:
        """Return weight and scale."""
        return self.time_weight, self.time_scale_days


class HdbscanConfig(TimeConfig):
    """Parameters of `hdbscan_labels`."""

    algorithm: Algorithm = Field(
        Algorithm.hdbscan,
        description="hdbscan, or average: average linkage on the distance matrix, cut where the "
        "score of the stories is highest.",
    )
    min_samples: int = Field(
        3,
        ge=1,
        le=1000,
        description="Neighbours that must be near for a document to be in a dense region, 1 to "
        "1000. More give more noise.",
    )
    min_cluster_size: int = Field(
        3, ge=2, le=100_000, description="Smallest number of articles of a story, 2 to 100000."
    )
    cluster_selection_method: ClusterSelectionMethod = Field(
        ClusterSelectionMethod.eom,
        description="eom (excess of mass): fewer, larger stories. leaf: more, finer ones.",
    )
    cluster_selection_epsilon: float = Field(
        0.0,
        ge=0.0,
        le=2.0,
        description="Stories nearer than this distance are not split, 0 to 2.",
    )
    allow_single_cluster: bool = Field(
        False,
        description="Whether all articles may be one story, as in a feed about one event.",
    )
    cut_height: float | None = Field(
        None,
        ge=0.0,
        le=4.0,
        description="For average: the mean cosine distance at which groups stop to merge, 0 to 4. "
        "Unset: the one with the best score.",
    )
    min_cohesion: float | None = Field(
        None,
        ge=-1.0,
        le=1.0,
        description="Stories with a lower mean silhouette are noise, −1 to 1; stories of less than "
        "six articles need up to two thirds more. Unset: all stories stay.",
    )
    tuning: Tuning = Field(
        Tuning.none,
        description="none: use the parameters above. auto: use the algorithm and the parameters "
        "that parameter_sweep recommends for these documents instead.",
    )

    @property
    def is_tuned(self) -> bool:
        """Whether the parameters are chosen by the sweep."""
        return self.tuning is Tuning.auto

    def parameters(self) -> Parameters:
        """Return the parameters as they are configured."""
        return Parameters(
            self.algorithm.value,
            self.min_samples,
            self.min_cluster_size,
            self.cluster_selection_method.value,
            self.cluster_selection_epsilon,
            self.allow_single_cluster,
            self.cut_height,
            self.min_cohesion,
        )


class UmapConfig(dg.Config):
    """Parameters of `umap_projection`."""

    n_components: int = Field(2, ge=2, le=3, description="Dimensions of the map, 2 or 3.")
    n_neighbors: int = Field(
        80,
        ge=2,
        le=1000,
        description="Documents (itself included) that determine a document's position, 2 to 1000. "
        "Fewer show more local detail, more give truer large distances.",
    )
    min_dist: float = Field(
        0.1, ge=0.0, le=1.0, description="Smallest distance between points on the map, 0 to 1."
    )
    random_state: int = Field(
        42, ge=0, le=2**31 - 1, description="Seed. The same seed gives the same map."
    )


class QualityConfig(dg.Config):
    """Parameters of `story_quality`."""

    blank_gold_is_unknown: bool = Field(
        False,
        description="Whether articles without a gold label are left out of the figures. "
        "Otherwise each of them counts as a story of its own.",
    )


class StoriesConfig(dg.Config):
    """Parameters of `stories`: limits of the language model for titles, if one is set."""

    titles_per_run: int = Field(
        100,
        ge=0,
        le=10_000,
        description="Stories to ask the model for, the largest first, 0 to 10000.",
    )
    titles_seconds: int = Field(
        60,
        ge=1,
        le=3600,
        description="Seconds for all requests, 1 to 3600. Stories without an answer keep a "
        "headline.",
    )


def plain(config: dg.Config) -> dict[str, Any]:
    """Return a config's parameters as plain values."""
    return {k: v.value if isinstance(v, Enum) else v for k, v in config.model_dump().items()}
