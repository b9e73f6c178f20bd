"""Milvus is opened and closed: files keep their content, errors are plain."""

import os
import subprocess
import sys

import pytest

from newsclust_pipeline.store.connection import connect
from newsclust_pipeline_tests.documents import OWNER, assert_stored, embeddings, fill, ids


def test_a_file_keeps_its_documents_when_it_is_closed(tmp_path):
    uri = str(tmp_path / "deeper" / "milvus.db")
    with connect(uri, OWNER) as client:
        before = fill(client, "news", ids(1, 2, 3)).state
    with connect(uri, OWNER) as client:
        assert_stored(client, "news", embeddings(ids(1, 2, 3)))
        assert fill(client, "news", ids(1, 2, 3)).state == before


def test_an_os_error_of_the_caller_is_not_translated(
    tmp_path,
):
    with (
        pytest.raises(FileNotFoundError, match="elsewhere"),
        connect(str(tmp_path / "milvus.db"), OWNER),
    ):
        raise FileNotFoundError("elsewhere")


def test_pymilvus_does_not_read_the_environment_variable_of_the_pipeline(tmp_path):
    opens = "import os; from newsclust_pipeline.store.connection import connect\n"
    opens += "from newsclust_pipeline_tests.documents import OWNER\n"
    opens += "with connect(os.environ['MILVUS_URI'], OWNER) as client:\n"
    opens += "    print(client.list_collections())"
    environment = os.environ | {"MILVUS_URI": str(tmp_path / "milvus.db")}
    done = subprocess.run(
        [sys.executable, "-c", opens], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
