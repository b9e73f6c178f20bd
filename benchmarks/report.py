"""What the benchmarks share: timing, the table, where it goes, the agreement with gold labels."""

import os
import platform
import statistics
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def seconds(work: Callable[[], object]) -> float:
    """Time one call by the wall clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Write the median and, behind it, the smallest and largest value."""
    middle = statistics.median(values)
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def table(name: str, question: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table and write it to results/<name>.md."""
    lines = [f"## {question}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    text = "\n".join([*lines, "", machine(), ""])
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")


def machine() -> str:
    """Tell what it ran on."""
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


def bcubed_f1(gold: Sequence[Hashable], labels: Sequence[int]) -> float:
    """Give BCubed F1 (Bagga, Baldwin 1998) of a clustering; noise (-1) counts as singletons.

    Precision and recall of a document are the shares of its cluster and of its gold story that
    both hold; F1 is the harmonic mean of their averages.
    """
    found = [label if label >= 0 else ("noise", row) for row, label in enumerate(labels)]
    both = Counter(zip(gold, found, strict=True))
    stories, clusters = Counter(gold), Counter(found)
    pairs = list(zip(gold, found, strict=True))
    precision = statistics.fmean(both[pair] / clusters[pair[1]] for pair in pairs)
    recall = statistics.fmean(both[pair] / stories[pair[0]] for pair in pairs)
    return 2 * precision * recall / (precision + recall)
