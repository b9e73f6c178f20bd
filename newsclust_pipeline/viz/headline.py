"""The page's headline: what the map shows, as a finding."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from newsclust_pipeline.viz.history import History


def headline(points: pa.Table, stories: pa.Table, names: list[str], history: History) -> str:
    """Return the headline of the page.

    Args:
        points: one row per document.
        stories: one row per story, the leading ones first, but a `kind` of `column` doesn't lead.
        names: short names of the stories.
        history: what has changed since the previous run.
    """
    if not points.num_rows:
        return "No articles yet"
    if not stories.num_rows:
        return "No story so far"
    kinds = stories["kind"].to_pylist()
    lead = next((row for row, kind in enumerate(kinds) if kind != "column"), 0)
    if len(names) == 1:
        return f"{names[lead]}: the only story"
    if not history.runs:
        return f"{names[lead]}: first of {len(names):,} stories"
    born, since = history.born(), _since(*history.runs[:2])
    news = {0: "no new story", 1: "1 new story"}.get(born, f"{born:,} new stories")
    return f"{names[lead]}: first of {len(names):,} stories; {news} {since}"


def _since(newest: int, previous: int) -> str:
    """Return when the previous run was, as seen from the newest: "since yesterday"."""
    now, then = (datetime.fromtimestamp(minute * 60, UTC) for minute in (newest, previous))
    if now.date() == then.date():
        return f"since {then:%H:%M}"
    if now.date() - then.date() == timedelta(days=1):
        return "since yesterday"
    return f"since {then.day} {then:%b}" + ("" if then.year == now.year else f" {then.year}")
