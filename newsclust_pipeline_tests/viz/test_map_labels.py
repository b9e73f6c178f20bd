"""Labels for embedding-atlas: one per story, at the median of its documents."""

import numpy as np
import pyarrow as pa

from newsclust_pipeline.schemas import MAP_LABELS
from newsclust_pipeline.viz.map_labels import labels_table
from newsclust_pipeline_tests.viz.pages import stories_of, story


def tables():
    labels = pa.table({"doc_id": ["a", "b", "c", "d"], "story_id": ["s1", None, "s1", "s2"]})
    positions = pa.table(
        {
            "doc_id": ["d", "c", "b", "a"],  # another order
            "x": pa.array([9.0, 3.0, 7.0, 1.0], pa.float32()),
            "y": pa.array([0.0, 4.0, 7.0, 2.0], pa.float32()),
        }
    )
    return labels, positions


def test_every_story_on_the_map_has_a_label_at_the_median_of_its_documents():
    stories = stories_of(story(1, size=5), story(2, size=1), story(3, size=1))
    table = labels_table(stories, *tables())
    assert table.schema.equals(MAP_LABELS.schema)
    assert table["x"].to_pylist() == [2, 9]
    assert table["y"].to_pylist() == [3, 0]
    assert table["text"].to_pylist() == ["Harbour bridge reopens"] * 2
    assert table["priority"].to_pylist() == [5, 1]
    assert table["level"].to_pylist() == [0, 2]


def test_no_stories_have_no_labels():
    assert labels_table(stories_of(), *tables()).num_rows == 0


def test_every_label_is_at_the_median_of_all_documents_of_its_story():
    rng = np.random.default_rng(0)
    ids = [f"d{row}" for row in range(300)]
    story_ids = [None if n < 0 else f"s{n}" for n in rng.integers(-1, 20, 300)]
    x, y = rng.normal(size=(2, 300)).astype(np.float32)
    stories = stories_of(*(story(n, size=1) for n in range(1, 22)))  # s0 and s21 don't match
    table = labels_table(
        stories,
        pa.table({"doc_id": ids, "story_id": story_ids}),
        pa.table({"doc_id": ids, "x": x, "y": y}),
    )
    own = [[row for row in range(300) if story_ids[row] == f"s{n}"] for n in range(1, 20)]
    assert table["x"].to_pylist() == [float(np.median(x[rows])) for rows in own]
    assert table["y"].to_pylist() == [float(np.median(y[rows])) for rows in own]
