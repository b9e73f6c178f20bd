"""Find publication dates that can't be right: in the future, or far from all others.

A date of 2099 or 1970 among a thousand of this week is an error of the source. The dates at hand
decide, so that a rerun gives the same; the clock only rules out dates that are still to come.
"""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

_TOMORROW = timedelta(days=1)
_MIN_DATES = 5  # of an outlet, to know its usual range
_MAX_SHARE = 0.05  # of dates that may be outliers on either side; at least one
_MIN_GAP = np.timedelta64(3 * 365, "D")  # between outliers and all other dates
_MIN_SPANS = 2  # as many times the span of all other dates
_EPOCH = np.datetime64(0, "D")


def suspect_dates(articles: pa.Table, now: datetime) -> np.ndarray:
    """Return which articles have a date that can't be right: (n,) of bool.

    A date is suspect if it is later than tomorrow; if it is the first day of 1970, which stands for
    a missing date, and no other date is near; or if it and few more are apart from all other dates:
    from those of all articles, or before those of the outlet.

    Args:
        articles: columns published_at (UTC), venue.
        now: the current time, in UTC.
    """
    times = articles["published_at"].to_numpy().astype("datetime64[us]")
    suspect = times > np.datetime64((now + _TOMORROW).replace(tzinfo=None), "us")
    days = times.astype("datetime64[D]")
    is_near_epoch = np.abs(days - _EPOCH) < _MIN_GAP
    if (days == _EPOCH).sum() == is_near_epoch.sum() < (~np.isnat(times)).sum():
        suspect |= is_near_epoch
    rows = np.flatnonzero(~suspect & ~np.isnat(times))
    suspect[[*_early(times, rows), *_late(times, rows)]] = True
    usable = np.flatnonzero(~suspect & ~np.isnat(times))
    outlets = pd.factorize(articles["venue"].to_numpy()[usable])[0]
    for places in pd.Series(range(len(usable))).groupby(outlets).indices.values():
        suspect[_early(times, usable[places])] = True
    return suspect


def _early(times: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the rows whose times are apart from all later ones."""
    ordered = rows[np.argsort(times[rows], kind="stable")]
    return ordered[: _outliers(times[ordered])]


def _late(times: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the rows whose times are apart from all earlier ones."""
    ordered = rows[np.argsort(times[rows], kind="stable")]
    backwards = times[ordered].max(initial=_EPOCH) - times[ordered][::-1]
    return ordered[len(ordered) - _outliers(backwards) :]


def _outliers(ordered: np.ndarray) -> int:
    """Return how many of the first of these ordered times are apart from the others.

    The span of the others is measured without as many on either side as may be outliers.
    """
    n = len(ordered)
    most = max(1, int(n * _MAX_SHARE))
    if n < _MIN_DATES:
        return 0
    span = ordered[n - 1 - most] - ordered[most]
    gaps = ordered[1 : most + 1] - ordered[:most]
    return int(np.flatnonzero(gaps > max(_MIN_GAP, _MIN_SPANS * span)).max(initial=-1)) + 1
