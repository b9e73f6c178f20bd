"""The examples run as they are."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import newsclust_pipeline

ROOT = Path(newsclust_pipeline.__file__).parents[1]


@pytest.mark.slow
def test_the_notebook_runs_the_stages_from_a_dump_to_a_map(tmp_path):
    notebook = nbformat.read(ROOT / "examples" / "stages.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = [o["text"] for c in notebook.cells for o in c.get("outputs", []) if "text" in o]
    page = Path(printed[-1].removeprefix("The map is ").strip())
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
