"""Imports that need care."""

import subprocess
import sys


def test_pymilvus_is_imported_though_milvus_uri_names_a_file_and_the_variable_stays():
    code = (
        "import os; os.environ['MILVUS_URI'] = 'data/milvus.db'\n"
        "from newsclust_pipeline.core.imports import import_pymilvus\n"
        "import_pymilvus()\n"
        "assert os.environ['MILVUS_URI'] == 'data/milvus.db'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
