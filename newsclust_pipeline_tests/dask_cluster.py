"""A Dask scheduler and worker on loopback, in processes of their own, for tests that end them."""

import json
import subprocess
import sys
import time


class DaskCluster:
    """A scheduler with one worker process.

    Args:
        folder: for their files.
    """

    def __init__(self, folder):
        self.folder = folder
        file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--scheduler-file", file,
        )  # fmt: skip
        end = time.monotonic() + 60
        while not file.exists() or not file.read_text():
            assert time.monotonic() < end
            assert self.scheduler.poll() is None
            time.sleep(0.1)
        self.address = json.loads(file.read_text())["address"]
        self.worker = None

    def start_worker(self):
        """Start a worker, without waiting for it."""
        self.worker = self._start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1",
            "--local-directory", self.folder,
        )  # fmt: skip

    def _start(self, what, *arguments):
        command = [sys.executable, "-m", "dask", what, *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        """End the processes."""
        for process in filter(None, (self.worker, self.scheduler)):
            process.terminate()
            process.wait(30)
