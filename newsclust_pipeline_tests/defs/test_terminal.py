"""The last lines on the terminal, and the progress that a listener receives."""

import subprocess
import sys

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
