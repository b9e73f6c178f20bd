"""The unit tests of the page's scripts, by node's own test runner.

Skipped without node; with NEWSCLUST_REQUIRE_NODE=1 that is a failure.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = sorted((Path(__file__).parent / "web").glob("*.test.js"))


def test_the_scripts_pass_their_unit_tests():
    node = shutil.which("node")
    if node is None:
        reason = "node is not on PATH: install Node.js 18 or later"
        if os.environ.get("NEWSCLUST_REQUIRE_NODE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    assert TESTS
    run = subprocess.run(
        [node, "--test", *map(str, TESTS)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
