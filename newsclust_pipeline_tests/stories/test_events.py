"""What became of each story between two runs; `test_lineage` has whole histories."""

import pyarrow as pa

from newsclust_pipeline.stories.events import story_events
from newsclust_pipeline.stories.identity import MEMBERS


def events(before, after):
    """Compare stories, a letter per document: {story: event and other story}."""
    known = pa.Table.from_pylist(
        [
            {"doc_id": doc_id, "story_id": story, "living": True}
            for story, documents in before.items()
            for doc_id in documents
        ],
        MEMBERS,
    )
    labels = pa.table(
        {
            "doc_id": pa.array([d for documents in after.values() for d in documents], pa.string()),
            "label": pa.array([n for n, ds in enumerate(after.values()) for _ in ds], pa.int32()),
            "story_id": pa.array([s for s, ds in after.items() for _ in ds], pa.string()),
        }
    )
    rows = story_events(known, labels)
    return {row["story_id"]: (row["event"], row["other_story_id"]) for row in rows}


def test_every_story_of_either_run_has_one_event():
    before = {"sa": "abcde", "sx": "xyz", "sm": "mno"}
    after = {"sa": "abcdexyz", "sq": "qrs"}
    assert events(before, after) == {
        "sa": ("grown", None),
        "sq": ("born", None),
        "sm": ("ended", None),
        "sx": ("merged", "sa"),
    }


def test_a_new_story_with_most_documents_of_another_is_split_from_it():
    assert events({"sa": "abcdefgh"}, {"sa": "abcde", "sf": "fghi"}) == {
        "sa": ("shrunk", None),
        "sf": ("split", "sa"),
    }


def test_without_stories_there_are_no_events():
    assert events({}, {}) == {}
