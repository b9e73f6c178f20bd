"""Damaged inputs of every kind: a reader refuses them in one line, or keeps its promises."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsclust_pipeline_tests.fuzz_targets import TARGETS, seeds

SEEDS = seeds()
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 6), st.binary(max_size=12)), min_size=1, max_size=6
)


def edited(content, edits):
    """Replace bytes of a content: (place, number of bytes removed, bytes put there) each."""
    for place, removed, added in edits:
        start = int(place * len(content))
        content = content[:start] + added + content[start + removed :]
    return content


@pytest.mark.parametrize("target", TARGETS)
def test_whole_inputs_are_read(target):
    for seed in SEEDS[target]:
        TARGETS[target](seed)


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_inputs_break_no_promise(target):
    @settings(
        max_examples=60, derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.sampled_from(SEEDS[target]), EDITS)
    def try_one(seed, edits):
        TARGETS[target](edited(seed, edits))

    try_one()
