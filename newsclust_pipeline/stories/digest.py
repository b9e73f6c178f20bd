"""Stories and what became of them → a digest in Markdown that a newsroom can mail."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.markdown import escape_markdown

MOST = 10  # stories under one heading
Row = Mapping[str, Any]
_EVENT = ["at", "event", "story_id", "other_story_id", "size_before", "size_after", "title"]


def digest(stories: pa.Table, lineage: pa.Table, articles: pa.Table) -> str:
    """Write what happened: new stories, the biggest, the fastest growing, merges, splits, ends.

    The same tables give the same text: its date is that of the newest events.

    Args:
        stories: schema `STORIES`, largest first.
        lineage: what became of stories, oldest first; the newest run's rows are told.
        articles: doc_id and url, for links to the stories' exemplars.
    """
    events = _newest(lineage)
    known = {story["story_id"]: story for story in stories.to_pylist()}
    said = {row["story_id"]: f"**{escape_markdown(row['title'])}**" for row in events}
    told = {name for row in events for name in (row["story_id"], row["other_story_id"])}
    told |= set(list(known)[:MOST])
    said |= {name: _story(known[name], articles) for name in known if name in told}

    def lines(event: str, line: str) -> list[str]:
        rows = sorted((row for row in events if row["event"] == event), key=_change)
        return [
            line.format(
                story=said[row["story_id"]],
                other=said.get(row["other_story_id"], "another story"),
                more=row["size_after"] - row["size_before"],
            )
            for row in rows
        ]

    biggest = [said[name] for name in list(known)[:MOST]]
    return "\n".join(
        [
            f"# Stories of {events[0]['at']:%Y-%m-%d}" if events else "# Stories",
            "",
            f"{stories.num_rows} stories of {sum(s['size'] for s in known.values())} articles.",
            *_section("New", lines("born", "{story}")),
            *_section("Biggest", biggest),
            *_section("Fastest growing", lines("grown", "+{more}: {story}")),
            *_section("Merged", lines("merged", "{story} went into {other}")),
            *_section("Split", lines("split", "{story} came out of {other}")),
            *_section("Ended", lines("ended", "{story}")),
            "",
        ]
    )


def _newest(lineage: pa.Table) -> list[dict[str, Any]]:
    """Give the rows of the run that was recorded last."""
    if not lineage.num_rows:
        return []
    last = lineage["run_id"][-1]
    return lineage.filter(pc.equal(lineage["run_id"], last)).select(_EVENT).to_pylist()


def _change(row: Row) -> tuple[int, str]:
    """Order events by how much a story changed, the most first."""
    return -abs(row["size_after"] - row["size_before"]), row["story_id"]


def _section(heading: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    rest = [f"- and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return ["", f"## {heading}", "", *(f"- {line}" for line in lines[:MOST]), *rest]


def _story(story: Row, articles: pa.Table) -> str:
    """Tell of a story in a line: its title, linked to its exemplar, counts and keywords."""
    row = pc.index(articles["doc_id"], story["exemplar_doc_id"]).as_py()
    title = _linked(story["title"], articles["url"][row].as_py() if row >= 0 else None)
    counts = [_count(story["size"], "article")]
    counts += [_count(story["outlets"], "outlet")] if story["outlets"] else []
    keywords = escape_markdown(", ".join(story["keywords"]))
    return f"{title} ({', '.join(counts)}{f'; {keywords}' if keywords else ''})"


def _linked(title: str, url: str | None) -> str:
    """Link a title, if a click may open the address: a feed can hold `javascript:` and worse."""
    shown = f"**{escape_markdown(title)}**"
    if not url or not url.lower().startswith(("http://", "https://")):
        return shown
    safe = "".join(c if c not in '<>()[]\\"`' else f"%{ord(c):02X}" for c in url)
    return f"[{shown}](<{safe}>)"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
