"""The last line on the terminal."""

import subprocess
import sys


def test_only_the_last_of_several_last_words_is_said_and_at_the_end():
    code = (
        "from newsclust_pipeline.defs.console import last_word\n"
        "import sys\n"
        "last_word('first'); last_word('second')\n"
        "print('log', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split("\n") == ["log", "", "newsclust_pipeline: second", ""]
