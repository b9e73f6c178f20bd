"""The rules that a reader relies on: who may import whom."""

import ast
import re
from pathlib import Path

import pytest

import newsclust_pipeline
from newsclust_pipeline.defs.settings import SETTINGS
from newsclust_pipeline_tests.conftest import FIRST

PACKAGE = Path(newsclust_pipeline.__file__).parent
ROOT = PACKAGE.parent
# A package or module imports only from the layers before its own, and from itself.
LAYERS = [
    {"core"},
    {"schemas"},
    {"ingest", "embed", "store"},
    {"search"},
    {"cluster"},
    {"stories", "viz"},
    {"defs"},
    {"definitions"},
    {"cli", "__init__"},
]
MAY_IMPORT_DAGSTER = {"defs", "definitions", "cli"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path):
    """Every module that a file imports, at its head or inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def package(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer(name):
    return next(i for i, names in enumerate(LAYERS) if name in names)


def imported_packages(path):
    names = {package for names in LAYERS for package in names}
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "newsclust_pipeline" and len(parts) > 1 and parts[1] in names:
            yield parts[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_to_lower_layers(path):
    own = package(path)
    upward = {n for n in imported_packages(path) if n != own and layer(n) >= layer(own)}
    assert not upward, f"{path.relative_to(PACKAGE)} imports {sorted(upward)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_defs_definitions_and_cli_import_dagster(path):
    if package(path) not in MAY_IMPORT_DAGSTER:
        assert not [name for name in imports(path) if name.split(".")[0] == "dagster"]


def test_every_module_belongs_to_a_layer():
    known = {name for names in LAYERS for name in names}
    assert {package(path) for path in MODULES} <= known


def test_packages_have_no_import_cycles():
    import graphlib

    def name_of(path):
        return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")

    modules = {name_of(path): path for path in MODULES}
    graph = {
        name: {imported for imported in imports(path) if imported in modules and imported != name}
        for name, path in modules.items()
        if path.name != "__init__.py"
    }
    list(graphlib.TopologicalSorter(graph).static_order())


def test_tests_mirror_the_package():
    tested = {
        path.relative_to(ROOT / "newsclust_pipeline_tests").with_name(
            path.name.removeprefix("test_")
        )
        for path in (ROOT / "newsclust_pipeline_tests").rglob("test_*.py")
    }
    packages = {name for names in LAYERS for name in names} - {"defs", "definitions", "cli"}
    modules = {
        path.relative_to(PACKAGE)
        for path in MODULES
        if package(path) in packages and path.name not in {"__init__.py", "errors.py"}
    }
    missing = sorted(str(path) for path in modules - tested)
    assert not missing, "modules without a test of their own"


def test_files_that_are_scheduled_first_exist():
    tests = ROOT / "newsclust_pipeline_tests"
    assert not [name for name in FIRST if not (tests / name).is_file()]


# Packages whose messages refer to parameters instead of settings.
@pytest.mark.parametrize("name", ["embed", "ingest"])
def test_packages_below_defs_name_no_setting(name):
    source = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / name).rglob("*.py"))
    assert not re.findall(r"\b(?:NEWSCLUST|OPENAI|MILVUS)_[A-Z_]+", source)


def test_every_parameter_that_a_message_refers_to_has_a_setting():
    sources = [p.read_text(encoding="utf-8") for p in MODULES if package(p) not in {"defs", "cli"}]
    reference = r"`((?:embedder|titles|milvus|news)\.(?!py\b)[a-z_]+|data_dir)`"
    found = set(re.findall(reference, "".join(sources)))
    assert found <= {setting.parameter for setting in SETTINGS}


def test_workspace_and_project_name_the_same_location():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dagster"]
    workspace = (ROOT / "workspace.yaml").read_text()
    assert f"module_name: {project['module_name']}" in workspace
    assert f"location_name: {project['code_location_name']}" in workspace
