"""The figures of a run in a few lines."""

import pyarrow as pa
import pyarrow.parquet as pq

from newsclust_pipeline.defs.resources import DataFolder
from newsclust_pipeline.defs.summary import summarize


def test_a_summary_has_counts_and_the_five_largest_stories(tmp_path):
    titles = [f"Story {number}" for number in range(7)]
    stories = pa.table({"size": [1_200, 6, 5, 4, 3, 2, 2], "title": titles})
    pq.write_table(stories, tmp_path / "stories.parquet")
    pq.write_table(pa.table({"label": [0, 0, 0, -1]}), tmp_path / "hdbscan_labels.parquet")
    head, *largest = summarize(DataFolder(path=str(tmp_path)))
    assert head == (
        "4 articles, 7 stories, 25.0% of the articles in no story. The largest stories:"
    )
    assert largest[0] == "  1,200  Story 0"
    assert len(largest) == 5


def test_without_stories_there_is_no_summary(tmp_path):
    assert summarize(DataFolder(path=str(tmp_path))) == []
