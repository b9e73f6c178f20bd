"""How long does it take to turn a large CSV file into articles, and how much memory?

    python -m benchmarks.reading [--sizes 100000 1000000] [--against CHECKOUT]

With the root of another checkout, such as a `git worktree` of an earlier version, both read the
same file in turn, each in a process of its own, and the ratio of their CPU seconds is the figure:
it is steadier than any time by the clock.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import table, versions

ROOT = Path(__file__).parents[1]
_READ = """
import resource, sys, time
from pathlib import Path
try:
    from newsclust_pipeline.ingest.discover import find_dumps
except ImportError:  # before the packages were split
    from newsclust_pipeline.ingest.dumps import find_dumps
from newsclust_pipeline.ingest.articles import collect_articles
start = time.process_time()
articles = collect_articles(find_dumps(Path(sys.argv[1])).rows())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(articles.table.num_rows, time.process_time() - start, peak)
"""


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[100_000])
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--against", type=Path, help="root of another checkout")
    given = options.parse_args()
    checkouts = [ROOT] if given.against is None else [given.against, ROOT]
    with TemporaryDirectory() as folder:
        dumps = {size: write_dump(Path(folder) / f"{size}.csv", size) for size in given.sizes}
        rows = [
            [f"{size:,}", *compared(dump, checkouts, given.repeats)] for size, dump in dumps.items()
        ]
    names = [f"CPU seconds, {checkout.name}" for checkout in checkouts]
    peaks = [f"peak MB, {checkout.name}" for checkout in checkouts]
    columns = ["rows", *names, *peaks, *(["ratio of CPU seconds"] if len(checkouts) > 1 else [])]
    table("reading", "one CSV file to articles", columns, rows, versions("pyarrow", "pandas"))


def compared(dump: Path, checkouts: list[Path], repeats: int) -> list[str]:
    """Return CPU seconds and peak memory of every checkout, and the ratio of the two."""
    seconds: dict[Path, list[float]] = {checkout: [] for checkout in checkouts}
    peaks: dict[Path, list[float]] = {checkout: [] for checkout in checkouts}
    for _ in range(repeats):
        for checkout in checkouts:
            cpu, peak = read(dump, checkout)
            seconds[checkout].append(cpu)
            peaks[checkout].append(peak)
    figures = [f"{statistics.median(seconds[checkout]):.1f}" for checkout in checkouts]
    figures += [f"{statistics.median(peaks[checkout]):.0f}" for checkout in checkouts]
    if len(checkouts) > 1:
        pairs = zip(seconds[checkouts[1]], seconds[checkouts[0]], strict=True)
        figures.append(f"{statistics.median(new / old for new, old in pairs):.2f}")
    return figures


def read(dump: Path, checkout: Path) -> tuple[float, float]:
    """Return CPU seconds and peak megabytes of a process that reads the dump."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "-c", _READ, str(dump)],
        env=environment, cwd=dump.parent, check=True, capture_output=True, text=True,
    )  # fmt: skip
    _, cpu, peak = done.stdout.split()
    return float(cpu), float(peak)


def write_dump(path: Path, rows: int) -> Path:
    """Write a CSV file of distinct articles with leads of about 250 characters."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "description", "published_at", "url", "venue"])
        for n in range(rows):
            day = f"2024-{1 + n % 12:02}-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:00Z"
            title = f"Harbour report number {n} about the ferry, fish and fog of the day"
            lead = (
                f'On day {n} the harbour master said: "all is well". ' + "Boats came and left. " * 9
            )
            url, venue = f"https://post{n % 50}.example/2024/{n}", f"Outlet {n % 50}"
            writer.writerow([title, lead, day, url, venue])
    return path


if __name__ == "__main__":
    main()
