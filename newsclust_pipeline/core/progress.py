"""Progress of long work: done, total, rate and the remaining time."""

import time
from collections.abc import Callable

# Called with (done, total) while the work proceeds.
Progress = Callable[[int, int], None]


def log_progress(
    say: Callable[[str], None],
    what: str,
    every: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Return a progress callback that writes a line every few seconds and at the end.

    Args:
        say: receives a line, such as a logger's `info`.
        what: what is counted, such as "texts embedded".
        every: minimum number of seconds between two lines.
        clock: returns the time in seconds.
    """
    start = last = clock()

    def progress(done: int, total: int) -> None:
        nonlocal last
        now = clock()
        if done < total and now - last < every:
            return
        last = now
        line = f"{what}: {done:,} of {total:,} ({done / max(total, 1):.0%})"
        if now > start:
            rate = done / (now - start)
            line += f", {rate:,.0f}/s"
            line += f", {_duration((total - done) / rate)} left" if 0 < done < total else ""
        say(line)

    return progress


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
