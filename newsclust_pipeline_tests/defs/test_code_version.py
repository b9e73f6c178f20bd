"""Code versions change with the code and the packages that a stage uses, and with nothing else."""

import ast
import json
import os
import shutil
import subprocess
import sys
from importlib import metadata

import pytest

from newsclust_pipeline.defs import code_version as module
from newsclust_pipeline.defs.code_version import ROOT, code_version, used_by
from newsclust_pipeline.search import knn
from newsclust_pipeline.stories.digest import digest
from newsclust_pipeline.viz import page, projection


def stage_of_pages(html: str) -> str:
    return page.sign(html, {})


def stage_of_projection(vectors: object) -> object:
    return [projection.project(v, None) for v in [vectors]]


def stage_of_search(vectors: object) -> object:
    return knn.recall(None, vectors)


def stage_of_digest() -> object:
    return digest(None, None, None)


def files(function):
    return {str(path.relative_to(ROOT)) for path in used_by(function).files}


def test_a_stage_uses_the_modules_that_it_names_and_those_that_they_import():
    assert {"viz/projection.py", "search/graph.py", "core/progress.py"} <= files(
        stage_of_projection
    )
    assert not any(name.startswith(("stories/", "store/")) for name in files(stage_of_projection))


def test_a_stage_uses_the_files_beside_its_modules():
    assert {"viz/web/main.js", "viz/web/template.html"} <= files(stage_of_pages)


def test_a_stage_uses_the_distributions_that_its_modules_import_in_functions_too():
    assert {"umap-learn", "numpy", "scikit-learn"} <= used_by(stage_of_projection).distributions
    assert "faiss-cpu" in used_by(stage_of_search).distributions
    assert "umap-learn" not in used_by(stage_of_search).distributions
    assert "dagster" not in used_by(stage_of_search).distributions


@pytest.fixture
def installed(monkeypatch):
    """Versions of distributions, as if others were installed."""
    versions = {}
    monkeypatch.setattr(
        module, "_version", lambda name: versions.get(name) or metadata.version(name)
    )
    return versions


def test_a_package_that_no_stage_imports_changes_nothing(installed):
    before = code_version(stage_of_projection)
    installed["cowsay"] = "6.1"
    assert code_version(stage_of_projection) == before


def test_another_version_of_a_package_changes_the_stages_that_use_it(installed):
    before = code_version(stage_of_projection), code_version(stage_of_digest)
    installed["umap-learn"] = "0.0"
    assert code_version(stage_of_projection) != before[0]
    assert code_version(stage_of_digest) == before[1]


VERSIONS = """
import json, newsclust_pipeline
specs = newsclust_pipeline.defs.resolve_all_asset_specs()
print(json.dumps({spec.key.to_user_string(): spec.code_version for spec in specs}))
"""


def versions_in(folder):
    """Return the code versions of the assets of a copy of the package."""
    done = subprocess.run(
        [sys.executable, "-c", VERSIONS],
        env=os.environ | {"PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_changed_file_changes_the_assets_that_use_it_and_no_other(tmp_path):
    copy = tmp_path / "newsclust_pipeline"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = versions_in(tmp_path)
    assert [asset for asset, version in before.items() if not version] == ["news_dumps"]
    with (copy / "viz" / "web" / "main.js").open("a") as file:
        file.write("// changed")
    with (copy / "ingest" / "dates.py").open("a") as file:
        file.write("# changed")
    after = versions_in(tmp_path)
    changed = {asset for asset, version in after.items() if version != before[asset]}
    of_ingest = {"feeds", "raw_news", "rejected_rows", "near_duplicates", "gold_labels"}
    # Everything in viz/ lies beside the map's scripts.
    of_viz = {"cluster_plot", "parameter_plot", "umap_projection", "map_labels"}
    assert changed == of_ingest | of_viz


def test_caches_of_compiled_code_are_no_part_of_a_version():
    assert not [name for name in files(stage_of_pages) if "__pycache__" in name]


def modules():
    """Return every module of the package with its source."""
    for path in ROOT.rglob("*.py"):
        name = ".".join((ROOT.name, *path.relative_to(ROOT).with_suffix("").parts))
        yield name.removesuffix(".__init__"), path.read_text(encoding="utf-8")


def parsed_imports(source):
    """Return what a module imports, by Python's own parser."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from {member for member in members if module._path(member)} or {node.module}


def test_the_imports_of_every_module_are_those_that_the_parser_finds():
    for name, source in modules():
        assert module._imports(name) == set(parsed_imports(source)), name


def test_every_import_is_a_known_distribution():
    """A module with another name than its distribution must be in the table of names."""
    of_stages = [name for name, _ in modules() if ".defs" not in name]
    imported = {name.partition(".")[0] for m in of_stages for name in module._imports(m)}
    imported -= {ROOT.name, *sys.stdlib_module_names, *module._PLUMBING}
    names = {module._DISTRIBUTIONS.get(name, name) for name in imported}
    assert {name for name in names if not module._version(name)} == set()
