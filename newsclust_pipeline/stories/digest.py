"""Stories and their events → a digest in Markdown, ready to be mailed."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.markdown import escape_markdown
from newsclust_pipeline.stories.describe import DOUBTFUL

MAX_LINES = 10  # stories under one heading
Row = Mapping[str, Any]
_EVENT = ["at", "event", "story_id", "other_story_id", "size_before", "size_after", "title",
          "parameters_changed"]  # fmt: skip


def digest(stories: pa.Table, lineage: pa.Table, articles: pa.Table, map_address: str = "") -> str:
    """Return the digest: new stories, the biggest, the fastest growing, merges, splits, ends.

    Under each heading, stories of low cohesion come last, and recurring columns after events.

    The same tables give the same text: its date is that of the newest events.

    Args:
        stories: schema `STORIES`, in its order.
        lineage: the events of stories, oldest first; only those of the newest run are shown.
        articles: doc_id and url, for links to the stories' exemplars.
        map_address: where the map is served, for a link to each story on it; empty: no links.
    """
    events = _newest(lineage)
    by_id = {story["story_id"]: story for story in stories.to_pylist()}
    titles = {row["story_id"]: row["title"] for row in events}

    def line(name: str) -> str:
        if name in by_id:
            return _story(by_id[name], articles, map_address)
        return f"**{escape_markdown(titles[name])}**" if name in titles else "another story"

    def section(heading: str, event: str, template: str) -> list[str]:
        rows = [row for row in events if row["event"] == event]
        rows.sort(key=lambda row: (_place(by_id.get(row["story_id"])), _change(row)))
        lines = [
            template.format(
                story=line(row["story_id"]),
                other=line(row["other_story_id"]),
                more=row["size_after"] - row["size_before"],
            )
            for row in rows[:MAX_LINES]
        ]
        return _section(heading, lines, len(rows))

    biggest = [line(name) for name in list(by_id)[:MAX_LINES]]
    return "\n".join(
        [
            f"# Stories of {events[0]['at']:%Y-%m-%d}" if events else "# Stories",
            "",
            f"{stories.num_rows} stories of {sum(s['size'] for s in by_id.values())} articles.",
            *_parameter_note(events),
            *section("New", "born", "{story}"),
            *_section("Biggest", biggest, len(biggest)),
            *section("Fastest growing", "grown", "+{more}: {story}"),
            *section("Merged", "merged", "{story} went into {other}"),
            *section("Split", "split", "{story} came out of {other}"),
            *section("Ended", "ended", "{story}"),
            "",
        ]
    )


def _parameter_note(events: Sequence[Row]) -> list[str]:
    """Return a warning if the parameters changed: stories may be new, or end, because of it."""
    changes = events[0]["parameters_changed"] if events else None
    if not changes:
        return []
    note = f"The parameters changed since the last run ({escape_markdown(changes)})."
    return ["", f"{note} Stories below may be new, or have ended, because of that alone."]


def _newest(lineage: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of the run that was recorded last."""
    if not lineage.num_rows:
        return []
    last = lineage["run_id"][-1]
    return lineage.filter(pc.equal(lineage["run_id"], last)).select(_EVENT).to_pylist()


def _change(row: Row) -> tuple[int, str]:
    """Return the key that sorts events by change in size, the largest first."""
    return -abs(row["size_after"] - row["size_before"]), row["story_id"]


def _place(story: Row | None) -> tuple[bool, bool]:
    """Return the key that sorts stories as in their table; stories that have ended come first."""
    if story is None:
        return False, False
    return story["cohesion"] < DOUBTFUL, story["kind"] == "column"


def _section(heading: str, lines: Sequence[str], total: int) -> list[str]:
    """Return the first lines under a heading, and how many of the total are left out."""
    if not lines:
        return []
    rest = [f"- and {total - len(lines)} more"] if total > len(lines) else []
    return ["", f"## {heading}", "", *(f"- {line}" for line in lines), *rest]


def _story(story: Row, articles: pa.Table, map_address: str) -> str:
    """Return a story in one line: its title, linked to its exemplar, counts and keywords."""
    row = pc.index(articles["doc_id"], story["exemplar_doc_id"]).as_py()
    title = _link(story["title"], articles["url"][row].as_py() if row >= 0 else None)
    counts = [_count(story["size"], "article")]
    counts += [_count(story["outlets"], "outlet")] if story["outlets"] else []
    doubtful, column = _place(story)
    notes = [", ".join(counts), *(["doubtful"] * doubtful), *(["recurring column"] * column)]
    notes += [escape_markdown(", ".join(story["keywords"]))] if story["keywords"] else []
    on_map = f" [map](<{map_address}#story={story['story_id']}>)" if map_address else ""
    return f"{title} ({'; '.join(notes)}){on_map}"


def _link(title: str, url: str | None) -> str:
    """Return the title, linked if the address is safe: a feed can hold `javascript:`."""
    text = f"**{escape_markdown(title)}**"
    if not url or not url.lower().startswith(("http://", "https://")):
        return text
    safe = "".join(c if c not in '<>()[]\\"`' else f"%{ord(c):02X}" for c in url)
    return f"[{text}](<{safe}>)"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
