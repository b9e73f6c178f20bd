"""What the benchmarks share: timing, the table, where it goes."""

import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def seconds(work: Callable[[], object]) -> float:
    """Time one call by the wall clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Cost:
    """What a piece of work took in a process of its own.

    Attributes:
        seconds: by the wall clock, one for each repeat.
        cpu: seconds of all its threads.
        peak: gigabytes that the process held at most, with Python, packages and what it works on.
        added: those of them that it did not hold before.
        result: what the work gave, the last time.
    """

    seconds: list[float]
    cpu: list[float]
    peak: float
    added: float
    result: Any


def apart(prepare: Callable[..., Callable[[], Any]], *given: Any, repeats: int = 3) -> Cost:
    """Measure work in a process of its own: what `prepare(*given)`, unmeasured itself, gives."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_measured, prepare, given, repeats).result()


def _measured(prepare: Callable[..., Callable[[], Any]], given: Any, repeats: int) -> Cost:
    work = prepare(*given)
    taken, cpu, result = [], [], None
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far (Linux)
    before = _memory("VmRSS")
    for _ in range(repeats):
        result = None
        start, start_cpu = time.perf_counter(), time.process_time()
        result = work()
        taken.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    peak = _memory("VmHWM")
    return Cost(taken, cpu, peak, peak - before, result)


def _memory(entry: str) -> float:
    """Read this process's memory, in gigabytes (10⁹ bytes)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(entry)) * 1024 / 1e9


def threads(count: int) -> None:
    """Limit the threads of processes that are started later, whichever library they use."""
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = str(count)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Write the median and, behind it, the smallest and largest value."""
    middle = statistics.median(values)
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def table(
    name: str,
    question: str,
    head: Sequence[str],
    rows: Sequence[Sequence[object]],
    remark: str = "",
) -> None:
    """Print a Markdown table with a remark, and write it to results/<name>.md."""
    lines = [f"## {question}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    text = "\n".join([*lines, "", *([remark, ""] if remark else []), machine(), ""])
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")


def machine() -> str:
    """Return a description of the machine."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores{load}, {platform.machine()}, Python {platform.python_version()}"


def versions(*packages: str) -> str:
    """Name packages with their versions; those that are missing are left out."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
