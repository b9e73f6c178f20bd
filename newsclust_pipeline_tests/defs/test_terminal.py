"""The last lines on the terminal, and the progress that a listener receives."""

import subprocess
import sys
import time

import pytest

from newsclust_pipeline.defs import terminal


def test_only_the_lines_of_the_last_call_are_printed_when_the_process_ends():
    code = (
        "from newsclust_pipeline.defs.terminal import print_at_end\n"
        "import sys\n"
        "print_at_end('first'); print_at_end('figures', 'second')\n"
        "print('log', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split("\n") == ["log", "", "figures", "newsclust_pipeline: second", ""]


class Recorder:
    def __init__(self):
        self.calls = []

    def begin(self, asset):
        self.calls.append(("begin", asset))

    def advance(self, what, done, total):
        self.calls.append((what, done, total))

    def wait(self, asset, seconds):
        self.calls.append(("wait", asset))

    def end(self, asset):
        self.calls.append(("end", asset))


def test_a_listener_receives_progress_also_of_a_stage_that_fails():
    recorder = Recorder()
    failing = pytest.raises(OSError, match="disk")
    with terminal.listening(recorder), failing, terminal.stage("embeddings"):
        terminal.advance("texts embedded", 1, 2)
        raise OSError("disk")
    assert recorder.calls == [
        ("begin", "embeddings"),
        ("texts embedded", 1, 2),
        ("end", "embeddings"),
    ]
    with terminal.stage("stories"):
        assert len(recorder.calls) == 3, "it no longer listens"


def wait_until(condition):
    for _ in range(2_000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("nothing within 20 seconds")


def test_a_silent_stage_says_that_it_is_at_work(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "_SILENCE", 0.01)
    with terminal.stage("umap_projection"):
        wait_until(lambda: capsys.readouterr().err.startswith("umap_projection "))
    recorder = Recorder()
    with terminal.listening(recorder), terminal.stage("stories"):
        wait_until(lambda: ("wait", "stories") in recorder.calls)
        capsys.readouterr()
        calls = len(recorder.calls)
        wait_until(lambda: len(recorder.calls) > calls)
        assert capsys.readouterr().err == "", "the listener prints it, or shows a clock"


def test_a_stage_with_progress_is_not_silent(monkeypatch, capsys):
    before = time.monotonic()
    terminal.advance("texts embedded", 1, 2)
    assert terminal._last_progress >= before
    monkeypatch.setattr(terminal, "_SILENCE", 0.01)
    monkeypatch.setattr(terminal, "_last_progress", float("inf"))
    with terminal.stage("embeddings"):
        time.sleep(0.2)
    assert capsys.readouterr().err == ""
