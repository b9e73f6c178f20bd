"""Imports of packages that read the environment."""

import os
import subprocess
import sys

import pytest

CODE = """
from newsclust_pipeline.core.imports import import_pymilvus
import os
import_pymilvus()
import pymilvus
print(os.environ.get("MILVUS_URI"))
"""


@pytest.mark.parametrize("uri", ["some/folder/milvus.db", "http://127.0.0.1:19530", None])
def test_pymilvus_can_be_imported_with_any_milvus_uri_which_stays_set(uri, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "MILVUS_URI"}
    if uri:
        environment["MILVUS_URI"] = uri
    (tmp_path / ".env").write_text("MILVUS_URI=another.db\n")
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(uri)
