"""What the page shows of the stories' history: events per story, and when articles joined."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MAX_EVENTS = 60  # newest events per story


@dataclass(frozen=True)
class History:
    """The history of the stories, in minutes since 1970.

    A history of one run has no news, and is empty.

    Attributes:
        runs: when runs began, newest first.
        events: story_id → [when, event, size before, size after, title of the other story or None].
        joined: doc_id → when it joined the story that it is in; not for those of the first run.
        gone: stories that ended or merged in the newest run: title, event, title of the other.
    """

    runs: list[int] = field(default_factory=list)
    events: dict[str, list[list[Any]]] = field(default_factory=dict)
    joined: dict[str, int] = field(default_factory=dict)
    gone: list[dict[str, str | None]] = field(default_factory=list)

    def born(self) -> int:
        """Return the number of stories that are new in the newest run."""
        newest = self.runs[0] if self.runs else None
        return sum(
            event[0] == newest and event[1] in {"born", "split"}
            for events in self.events.values()
            for event in events
        )


def read_history(lineage: pa.Table | None) -> History:
    """Return the history in a table of `story_lineage`.

    Args:
        lineage: columns `at`, `story_id`, `event`, `other_story_id`, `size_before`, `size_after`,
            `title`, `joined`; None or without rows: no history.
    """
    if lineage is None or not lineage.num_rows:
        return History()
    minutes = pc.divide(lineage["at"].cast(pa.timestamp("us")).cast(pa.int64()), 60_000_000)
    runs = sorted(set(minutes.to_pylist()), reverse=True)
    if len(runs) < 2:
        return History()
    rows = lineage.drop_columns(["at"]).append_column("minute", minutes).to_pylist()
    rows.sort(key=lambda row: row["minute"])
    titles = {row["story_id"]: row["title"] for row in rows}
    events: dict[str, list[list[Any]]] = {}
    joined: dict[str, int] = {}
    gone = []
    for row in rows:
        other = row["other_story_id"]
        event = [row["minute"], row["event"], row["size_before"], row["size_after"]]
        events.setdefault(row["story_id"], []).append([*event, titles.get(other)])
        if row["event"] == "merged" and other:
            events.setdefault(other, []).append([*event[:2], 0, row["size_before"], row["title"]])
        if row["event"] in {"merged", "ended"} and row["minute"] == runs[0]:
            gone.append({"title": row["title"], "event": row["event"], "other": titles.get(other)})
        if row["minute"] > runs[-1]:
            joined |= dict.fromkeys(row["joined"], row["minute"])
    newest = {story: list_[-MAX_EVENTS:] for story, list_ in events.items()}
    return History(runs, newest, joined, gone)
