"""Labels of the map for other viewers: the format of embedding-atlas's option `--labels`."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.schemas import MAP_LABELS
from newsclust_pipeline.viz.page_data import short_names

_LEVELS = 8  # the largest eighth of the stories is level 0, which a viewer shows first


def labels_table(stories: pa.Table, labels: pa.Table, positions: pa.Table) -> pa.Table:
    """Return one label per story: its name at the median position of its documents.

    Args:
        stories: one row per story, largest first.
        labels: columns `doc_id`, `story_id`.
        positions: columns `doc_id`, `x`, `y`.

    Returns:
        Schema `MAP_LABELS`. `level` 0 is shown first; `priority` is the story's size.
    """
    row = pc.index_in(positions["doc_id"], labels["doc_id"])
    story = pc.index_in(labels["story_id"].take(row), stories["story_id"]).to_numpy()
    x, y = (positions[axis].to_numpy() for axis in "xy")
    order = np.argsort(story, kind="stable")  # documents in no story last: they are NaN
    bounds = np.searchsorted(story[order], np.arange(stories.num_rows + 1))
    members = [order[first:end] for first, end in pairwise(bounds)]
    kept = [n for n, rows in enumerate(members) if len(rows)]
    names, sizes = short_names(stories), stories["size"].to_pylist()
    return pa.table(
        {
            "x": [float(np.median(x[members[n]])) for n in kept],
            "y": [float(np.median(y[members[n]])) for n in kept],
            "text": [names[n] for n in kept],
            "level": [n * _LEVELS // stories.num_rows for n in kept],
            "priority": [sizes[n] for n in kept],
        },
        schema=MAP_LABELS.schema,
    )
