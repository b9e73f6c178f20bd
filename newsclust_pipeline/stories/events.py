"""The stories of two runs → what became of each; the events are listed in `lineage`."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from newsclust_pipeline.stories.identity import compare, compare_present, split_members


def story_events(known: pa.Table, labels: pa.Table) -> list[dict[str, Any]]:
    """Return one event per story: today's stories by label, then the others by id."""
    living, ended = split_members(known)
    now = labels.select(["doc_id", "label", "story_id"]).drop_null().to_pandas()
    now = now.sort_values("label", kind="stable").rename(columns={"story_id": "story"})
    relations = _Relations(living, ended, now, labels["doc_id"].to_numpy())
    old, new = (frame.groupby("story")["doc_id"].agg(set).to_dict() for frame in (living, now))
    rows = []
    for story in [*now["story"].unique(), *sorted(old.keys() - new.keys())]:
        before, after = old.get(story, set()), new.get(story, set())
        event, other, pair = relations.event(story, len(before), len(after))
        rows.append(
            {
                "story_id": story,
                "event": event,
                "other_story_id": other,
                "size_before": len(before),
                "size_after": len(after),
                "shared": pair.shared if pair else 0,
                "overlap": pair.overlap if pair else 0.0,
                "joined": sorted(after - before),
                "left": sorted(before - after),
            }
        )
    return rows


class _Relations:
    """How the stories of two runs relate: pairs of stories that share documents."""

    def __init__(
        self, living: pd.DataFrame, ended: pd.DataFrame, now: pd.DataFrame, present: np.ndarray
    ) -> None:
        pairs = compare_present(living, now, present)
        self._itself = _by(pairs[pairs["before"] == pairs["after"]], "after")
        self._source = _by(pairs[pairs["of_after"] > 0.5], "after")
        self._target = _by(pairs[pairs["of_before"] > 0.5], "before")
        returned = compare(ended, now)
        self._returned = _by(returned[returned["before"] == returned["after"]], "after")

    def event(self, story: str, before: int, after: int) -> tuple[str, str | None, Any]:
        """Return a story's event, the other story, and the pair whose overlap the row holds."""
        if before and after:
            change = "continued" if after == before else "grown" if after > before else "shrunk"
            return change, None, self._itself[story]
        if after and story in self._source:
            return "split", self._source[story].before, self._source[story]
        if after:
            return "born", None, self._returned.get(story)
        if story in self._target:
            return "merged", self._target[story].after, self._target[story]
        return "ended", None, None


def _by(pairs: pd.DataFrame, key: str) -> dict[str, Any]:
    """Return the pairs by the story in column `key`, which occurs once at most."""
    return {getattr(pair, key): pair for pair in pairs.itertuples()}
