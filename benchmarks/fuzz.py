"""Is there an input that a reader does not survive?

    python -m benchmarks.fuzz [--seconds 3600] [--finds DIR] [--corpus DIR]

It needs `pip install atheris` (libFuzzer for Python). Inputs are mutated where they reach new code
of `newsclust_pipeline.ingest`. Every kind of find (the target and the place of its error) is saved
once, and the search goes on; so is an input that takes more than 3 s of CPU time. It ends with
the number of executions and finds by target, and with status 1 if there are any.
"""

import argparse
import hashlib
import os
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["newsclust_pipeline.ingest"], enable_loader_override=False
):
    from newsclust_pipeline_tests.fuzz_targets import TARGETS, seeds

_SLOW = 3.0  # seconds
_NAMES = list(TARGETS)


class Search:
    """Counts executions, and saves one input of every kind of find."""

    def __init__(self, seconds: float, finds: Path) -> None:
        self._ends = time.monotonic() + seconds
        self._began = time.monotonic()
        self._folder = finds
        self._executions: Counter[str] = Counter()
        self._finds: Counter[str] = Counter()
        finds.mkdir(parents=True, exist_ok=True)

    def try_input(self, data: bytes) -> None:
        """Pass an input to the target that its first byte names."""
        name = _NAMES[data[0] % len(_NAMES)] if data else _NAMES[0]
        self._executions[name] += 1
        began = time.process_time()
        try:
            TARGETS[name](data[1:])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a find
            self._save(name, data, error)
        if time.process_time() - began > _SLOW:
            self._save(name, data, TimeoutError(f"{time.process_time() - began:.1f} s"))
        if self._executions.total() % 20_000 == 0:
            self._report()
        if time.monotonic() > self._ends:
            self._report()
            os._exit(1 if self._finds else 0)  # libFuzzer's own end would not return here

    def _save(self, name: str, data: bytes, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).stem}:{frames[-1].lineno}" if frames else "slow"
        kind = f"{name} {type(error).__name__} {place}"
        self._finds[kind] += 1
        if self._finds[kind] == 1:
            digest = hashlib.sha256(data).hexdigest()[:8]
            stem = f"{kind.replace(' ', '-').replace(':', '-')}-{digest}"
            (self._folder / stem).write_bytes(data)
            text = "".join(traceback.format_exception(error))
            (self._folder / f"{stem}.txt").write_text(text, errors="replace")
            print(f"find: {kind}: {error}"[:300].encode("ascii", "replace").decode(), flush=True)

    def _report(self) -> None:
        seconds = time.monotonic() - self._began
        counts = ", ".join(f"{name} {self._executions[name]:,}" for name in _NAMES)
        print(f"{seconds:.0f} s, {self._executions.total():,} executions: {counts}")
        print(f"{len(self._finds)} kinds of finds: {dict(self._finds)}", flush=True)


def write_seeds(folder: Path) -> None:
    """Write the valid inputs from which the search starts, each after its target's number."""
    folder.mkdir(parents=True, exist_ok=True)
    for target, contents in seeds().items():
        for content in contents:
            seed = bytes([_NAMES.index(target)]) + content
            (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


def main() -> None:
    """Search until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--finds", type=Path, default=Path("fuzz/finds"))
    parser.add_argument("--corpus", type=Path, default=Path("fuzz/corpus"))
    options = parser.parse_args()
    write_seeds(options.corpus)
    search = Search(options.seconds, options.finds)
    limits = ["-max_len=8192", "-rss_limit_mb=3000", "-timeout=60", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], str(options.corpus), *limits], search.try_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
