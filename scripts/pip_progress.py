"""Run pip and report its progress: a line every few seconds, and its errors in full.

`python scripts/pip_progress.py install -r requirements.txt`. Runs before anything is installed, so
it imports the standard library alone.
"""

import re
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

SECONDS = 5.0


class Report:
    """What pip does now, from the lines that it prints."""

    def __init__(self, site_packages: Path) -> None:
        self._site_packages = site_packages
        self._total = 0
        self._before = 0
        self._file = ""

    def read(self, line: str) -> None:
        """Take note of one line of pip's output."""
        if match := re.match(r"\s*(?:Downloading|Processing|Using cached) (\S+)(.*)", line):
            name = match[1].rsplit("/", 1)[-1].split("-")[0]
            size = re.search(r"\([\d.]+ [kMG]?B\)", match[2])
            self._file = f"{name} {size[0]}" if size else name
        elif line.startswith("Installing collected packages: "):
            self._total, self._before = line.count(",") + 1, self._installed()

    def text(self) -> str:
        """Return what is going on, in a few words."""
        if not self._total:
            return f"downloading: {self._file}" if self._file else "reading the index"
        done = min(self._installed() - self._before, self._total)
        return f"unpacking: {done} of {self._total} packages"

    def _installed(self) -> int:
        return len(list(self._site_packages.glob("*.dist-info")))


def run(command: list[str], report: Report, seconds: float = SECONDS) -> int:
    """Run pip and print the report until it ends; return its exit status.

    Args:
        command: the whole command line of pip.
        report: what to print.
        seconds: between two lines.
    """
    ended = threading.Event()

    def repeat() -> None:
        start = time.monotonic()
        while not ended.wait(seconds):
            print(f"  {time.monotonic() - start:3.0f} s  {report.text()}", flush=True)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        with subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, text=True, errors="replace"
        ) as process:
            for line in process.stdout or []:
                report.read(line)
        return process.returncode
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command = [sys.executable, "-m", "pip", *sys.argv[1:], *options]
    sys.exit(run(command, Report(Path(sysconfig.get_path("purelib")))))
