"""Print how many trials of every group were tried and survived.

    python -m benchmarks.trials [--only hostile mutated …] [--scale 1.0]

The groups `pipelines`, `killed`, `together` run whole processes (and a Milvus server): they take
most of an hour. All others take minutes. It ends with status 1 if any trial was not survived.
"""

import argparse
import re
import subprocess
import sys
import time
from importlib import import_module
from itertools import islice

from benchmarks.trials.trial import failures_of

_COUNTS = {"hostile": 97, "mutated": 380, "parquet": 27, "folder": 206, "flips": 3500,
    "service": 34, "titles": 60}  # fmt: skip
# Commands, and the number of their rounds.
_COMMANDS = {
    "pipelines": (["benchmarks.resilience", "competing"], 20),
    "killed": (["benchmarks.whole_runs", "killed"], 30),
    "killed on a server": (["benchmarks.whole_runs", "killed", "--server"], 10),
    "together": (["benchmarks.whole_runs", "together"], 20),
}


def main() -> None:
    """Run the trials."""
    groups = [*_COUNTS, *_COMMANDS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=groups, default=groups)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the trials")
    options = parser.parse_args()
    failed = 0
    print("| group | tried | survived | seconds |\n|---|---:|---:|---:|", flush=True)
    for group in options.only:
        began = time.monotonic()
        count, failures = _run(group, options.scale)
        survived, seconds = count - len(failures), time.monotonic() - began
        print(f"| {group} | {count:,} | {survived:,} | {seconds:,.0f} |", flush=True)
        for line in failures:
            print(f"    {line}".encode("ascii", "backslashreplace").decode(), flush=True)
        failed += len(failures)
    sys.exit(1 if failed else 0)


def _run(group: str, scale: float) -> tuple[int, list[str]]:
    if group in _COMMANDS:
        return _command(*_COMMANDS[group], scale)
    trials = import_module(f"benchmarks.trials.{group}").trials()
    return failures_of(islice(trials, None, None, max(1, round(1 / scale))))


def _command(arguments: list[str], rounds: int, scale: float) -> tuple[int, list[str]]:
    rounds = max(1, round(rounds * scale))
    command = [sys.executable, "-m", *arguments, "--rounds", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    lines = [line for line in done.stdout.splitlines() if re.match(r"round \d+: ", line)]
    failures = [line for line in lines if "same results" not in line and "refused" not in line]
    if done.returncode and not failures:
        failures = (done.stderr or done.stdout).strip().splitlines()[-1:]
    return rounds, failures


if __name__ == "__main__":
    main()
