"""Checks of the feeds: which have failed or been silent for long?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from newsclust_pipeline.defs.checks.check import Verdict, check

FAILING_DAYS = 2
SILENT_DAYS = 14


@check("feeds")
def feeds_answer(feeds: pa.Table) -> Verdict:
    """No feed is gone or has failed for days."""
    failing = [feed for feed in feeds.to_pylist() if _is_failing(feed)]
    return Verdict(
        not failing,
        f"{len(failing)} of {feeds.num_rows} feeds are gone, or have given no good answer for "
        f"{FAILING_DAYS} days: {_first(failing)}. Open them in a browser; correct their addresses "
        "or take them off the list.",
        {"failing": len(failing)},
    )


@check("feeds")
def feeds_have_news(feeds: pa.Table) -> Verdict:
    """No feed has been without a new article for weeks."""
    now = datetime.now(UTC)
    silent = [
        feed
        for feed in feeds.to_pylist()
        if feed["last_new"] and now - feed["last_new"] > timedelta(days=SILENT_DAYS)
    ]
    return Verdict(
        not silent,
        f"{len(silent)} of {feeds.num_rows} feeds have listed no new article for {SILENT_DAYS} "
        f"days: {_first(silent)}. Have they moved?",
        {"silent": len(silent)},
    )


def _is_failing(feed: dict[str, Any]) -> bool:
    if feed["status"] == "gone":
        return True
    last_good = feed["last_success"] or datetime.fromtimestamp(0, UTC)
    many = feed["failures"] > 3  # a new feed has no good answer yet
    return bool(many and datetime.now(UTC) - last_good > timedelta(days=FAILING_DAYS))


def _first(feeds: list[dict[str, Any]], most: int = 3) -> str:
    named = ", ".join(feed["address"] for feed in feeds[:most])
    return f"{named} and {len(feeds) - most} more" if len(feeds) > most else named


CHECKS = [feeds_answer, feeds_have_news]
