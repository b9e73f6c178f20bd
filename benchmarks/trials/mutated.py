"""Whole dumps of every format with some bytes changed: 380 of them."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.trials.trial import Trial
from newsclust_pipeline_tests.fuzz_targets import fuzz_dump, fuzz_packed, seeds


def trials() -> Iterator[Trial]:
    """Yield the trials."""
    rng = random.Random(0)  # noqa: S311
    found = [(fuzz_dump, seed) for seed in seeds()["dump"]]
    found += [(fuzz_packed, seed) for seed in seeds()["packed"]]
    for number in range(380):
        read, seed = found[number % len(found)]
        yield Trial(f"mutation {number}", partial(_attempt, read, mutated(seed, rng)))


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return a content with up to eight edits: bytes changed, removed, repeated, swapped."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        start = rng.randrange(1, len(data))  # the first byte names the format
        stop = min(len(data), start + rng.choice((1, 1, 1, 4, 16, 200)))
        part = data[start:stop]
        data[start:stop] = rng.choice(
            (
                bytes(byte ^ 1 << rng.randrange(8) for byte in part),
                b"",
                part * 3,
                rng.randbytes(len(part)),
                bytes(reversed(part)),
                rng.choice((b"\0", b'"', b"\xff\xfe", b"\n", b"<![CDATA[", b"\\", b"]}")),
            )
        )
        data = data if len(data) > 2 else bytearray(content)
    return bytes(data)


def _attempt(read: object, content: bytes, _: Path) -> str:
    assert callable(read)  # noqa: S101
    read(content)  # asserts every promise
    return ""
