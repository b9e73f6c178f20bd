"""Lines that tell where long work stands: seldom enough to read, and always one at the end."""

import pytest

from newsclust_pipeline.core.progress import log_progress


def lines(*steps, every=5.0, what="texts embedded"):
    """What is said over steps of (seconds since the start, done, total)."""
    said, now = [], [1000.0]  # a monotonic clock starts anywhere
    progress = log_progress(said.append, what, every, clock=lambda: now[0])
    for seconds, done, total in steps:
        now[0] = 1000.0 + seconds
        progress(done, total)
    return said


def test_a_line_tells_what_done_total_share_rate_and_time_left():
    assert lines((10, 250, 1000)) == ["texts embedded: 250 of 1,000 (25%), 25/s, 30 s left"]


def test_the_last_line_has_no_time_left():
    assert lines((10, 1000, 1000)) == ["texts embedded: 1,000 of 1,000 (100%), 100/s"]


def test_lines_are_at_least_the_given_seconds_apart():
    steps = [(second, second, 100) for second in range(1, 21)]
    said = lines(*steps, every=5)
    assert [line.split(" of ")[0] for line in said] == [
        f"texts embedded: {second}" for second in (5, 10, 15, 20)
    ]


def test_the_end_is_told_however_soon_it_comes_after_the_last_line():
    assert len(lines((5.0, 99, 100), (5.1, 100, 100))) == 2


def test_short_work_says_one_line_at_its_end_only():
    assert len(lines((0.1, 1, 3), (0.2, 2, 3), (0.3, 3, 3))) == 1


def test_before_anything_is_done_no_time_left_is_made_up():
    assert lines((6, 0, 100)) == ["texts embedded: 0 of 100 (0%), 0/s"]


def test_no_work_at_all_is_no_error():
    assert lines((0, 0, 0)) == ["texts embedded: 0 of 0 (0%)"]


def test_work_that_ends_within_the_clocks_tick_claims_no_fantastic_rate():
    [line] = lines((0, 3, 3))
    assert "3 of 3 (100%)" in line
    assert "000,000" not in line


@pytest.mark.parametrize(
    ("seconds_left", "said"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),  # never "60 s"
        (754, "12 min 34 s"),
        (3599.6, "1 h 0 min"),
        (2 * 3600 + 5 * 60 + 59, "2 h 5 min"),
        (50 * 3600, "50 h 0 min"),
    ],
)
def test_the_time_left_is_told_in_hours_minutes_or_seconds(seconds_left, said):
    # Half is done after the time that the other half will take.
    [line] = lines((seconds_left, 50, 100), every=0)
    assert line.endswith(f", {said} left")


def test_the_real_clock_will_do():
    said = []
    log_progress(said.append, "documents searched")(5, 5)
    assert len(said) == 1
    assert said[0].startswith("documents searched: 5 of 5 (100%), ")
