"""The figures of a run in a few lines, for the terminal."""

import pyarrow as pa

from newsclust_pipeline.core.locations import StoreError
from newsclust_pipeline.core.parquet import read_parquet
from newsclust_pipeline.core.text import one_line
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.stories.labels import noise_share

_LARGEST = 5


def summarize(folder: DataFolder) -> list[str]:
    """Return the figures of the labels and stories in a data folder; empty if it has none."""
    try:
        stories = read_parquet(folder.file("stories.parquet"))
        labels = read_parquet(folder.file("hdbscan_labels.parquet"))
    except (OSError, ValueError, StoreError, pa.ArrowException):
        return []
    head = (
        f"{labels.num_rows:,} articles, {stories.num_rows:,} stories, "
        f"{noise_share(labels):.1%} of the articles in no story."
    )
    largest = stories.slice(0, _LARGEST).to_pylist()
    return [f"{head} The largest stories:" if largest else head, *map(_line, largest)]


def _line(story: dict[str, object]) -> str:
    return f"{story['size']:>7,}  {one_line(str(story['title']))}"
