"""Run config: the parameters of the algorithms, typed, bounded and explained for the Launchpad."""

from enum import Enum

import dagster as dg
from pydantic import Field


class ArrivalConfig(dg.Config):
    """Of `raw_news_checks`: what counts as a bad dump."""

    max_rejected: float = Field(
        0.5, ge=0, le=1, description="Share of rows set aside beyond which the run is stopped."
    )
    max_untitled: float = Field(
        0.5, ge=0, le=1, description="Share of rows without a title beyond which it is stopped."
    )
    max_drop: float = Field(
        0.5,
        ge=0,
        le=1,
        description="By which share articles may be fewer than in the last runs (the median of "
        "five) before the run is stopped. 1: fewer is never too few.",
    )
    max_copies: float = Field(
        0.9, ge=0, le=1, description="Share of rows that are copies beyond which a warning is due."
    )
    max_wrong_dates: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Share of dates that are unreadable, in the future or ancient beyond which a "
        "warning is due.",
    )
    first_year: int = Field(1990, ge=1700, le=2100, description="Dates before it are ancient.")
    days_ahead: int = Field(
        2, ge=0, le=366, description="Dates later than so many days from now are in the future."
    )


class ArticlesConfig(dg.Config):
    """Of `raw_news`."""

    window_days: int | None = Field(
        None,
        ge=1,
        description="Articles published more than so many days before the newest leave every "
        "stage; undated ones stay. Unset: everything stays.",
    )
    near_duplicate_similarity: float | None = Field(
        0.8,
        gt=0,
        le=1,
        description="Minimum share of the shorter text's runs of three words that occur in the "
        "other one for two articles to be near-duplicates, if their headlines agree, too. Unset: "
        "near-duplicates are kept.",
    )


class KnnConfig(dg.Config):
    """Of `knn_distance_matrix`."""

    k: int = Field(
        50,
        ge=1,
        le=1000,
        description="Neighbours of every document that become edges of the distance matrix.",
    )
    projection_neighbors: int = Field(
        80,
        ge=2,
        le=1000,
        description="Neighbours (the document itself counted) to keep for umap_projection: "
        "at least its n_neighbors, or it has to search again.",
    )


class ClusterSelectionMethod(Enum):
    """How clusters are picked from the hierarchy."""

    eom = "eom"
    leaf = "leaf"


class Tuning(Enum):
    """How the parameters are found."""

    none = "none"
    auto = "auto"


class TimeConfig(dg.Config):
    """How time counts: of `parameter_sweep`, and part of `hdbscan_labels`'."""

    time_weight: float = Field(
        0.0,
        ge=0.0,
        le=2.0,
        description="The most that time between articles may add to their distance, which is 0 to "
        "2; 0.5 where stories are events, 0 (off) where they last.",
    )
    time_scale_days: float = Field(
        7.0,
        gt=0.0,
        le=3650.0,
        description="Days between articles after which two thirds of time_weight count.",
    )


class HdbscanConfig(TimeConfig):
    """Of `hdbscan_labels`."""

    min_samples: int = Field(
        3,
        ge=1,
        le=1000,
        description="A document is dense if this many neighbours are near. More: more noise.",
    )
    min_cluster_size: int = Field(
        3, ge=2, le=100_000, description="The fewest articles that make a story."
    )
    cluster_selection_method: ClusterSelectionMethod = Field(
        ClusterSelectionMethod.eom,
        description="eom (excess of mass): fewer, larger stories. leaf: more, finer ones.",
    )
    cluster_selection_epsilon: float = Field(
        0.0, ge=0.0, le=2.0, description="Stories nearer than this distance are not told apart."
    )
    tuning: Tuning = Field(
        Tuning.none,
        description="none: the parameters as they are given here. auto: those that parameter_sweep "
        "recommends for the documents at hand, in place of the four above.",
    )


class UmapConfig(dg.Config):
    """Of `umap_projection`."""

    n_components: int = Field(2, ge=2, le=3, description="Dimensions of the map: 2 or 3.")
    n_neighbors: int = Field(
        80,
        ge=2,
        le=1000,
        description="Documents (itself counted) that a document's place depends on. Fewer: more "
        "local detail. More: truer large distances.",
    )
    min_dist: float = Field(0.1, ge=0.0, le=1.0, description="How tightly documents may pack.")
    random_state: int = Field(42, ge=0, le=2**31 - 1, description="Seed: the same, the same map.")


class QualityConfig(dg.Config):
    """Of `story_quality`."""

    gold_column: str = Field(
        "",
        description="The dumps' column with the true story of every article; empty: there is none.",
    )
    blank_gold_is_unknown: bool = Field(
        False,
        description="Whether an article that the column gives no story is left out of the figures. "
        "If not, it is a story of its own.",
    )


class StoriesConfig(dg.Config):
    """Of `stories`: what bounds the titles by a language model, if one is set."""

    titles_per_run: int = Field(
        100, ge=0, le=10_000, description="Stories to ask the model for, the largest first."
    )
    titles_seconds: int = Field(
        60, ge=1, le=3600, description="Time for all of them. What is late keeps its headline."
    )


def plain(config: dg.Config) -> dict[str, object]:
    """Give a config's parameters as plain values."""
    return {k: v.value if isinstance(v, Enum) else v for k, v in config.model_dump().items()}
