"""Calls that are retried or that fail print nothing by themselves."""

import logging
import subprocess
import sys

import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline_tests.documents import OWNER

# Fills a collection, and again without its manifest, in a process that has not imported pymilvus.
TWO_RUNS = """
import pathlib, sys
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline_tests.documents import OWNER, fill, ids
for _ in range(2):
    with connect(sys.argv[1], OWNER) as client:
        fill(client, "news", ids(1, 2, 3))
    pathlib.Path(sys.argv[1] + ".manifest").unlink()
"""


def test_retried_calls_leave_no_traceback_on_the_terminal(capfd):
    level = logging.getLogger("pymilvus").level
    with pytest.raises(CollectionError):
        connect("http://127.0.0.1:9", OWNER, patience=0.6).__enter__()
    assert "Traceback" not in capfd.readouterr().err
    assert logging.getLogger("pymilvus").level == level


def test_runs_on_milvus_lite_print_nothing(tmp_path):
    command = [sys.executable, "-c", TWO_RUNS, str(tmp_path / "milvus.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
