"""The house rules that a reader relies on: who may import whom, and what is documented where."""

import ast
import re
from pathlib import Path

import pytest

import newsclust_pipeline

PACKAGE = Path(newsclust_pipeline.__file__).parent
ROOT = PACKAGE.parent
# Lower floors know nothing of higher ones.
FLOORS = [
    {"definitions", "__init__"},
    {"assets", "checks", "automation"},
    {"resources", "io_managers", "results", "reuse", "config"},
    {"console"},
    {"stages"},
]
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path):
    """Every module that a file imports, at its head or inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor(room):
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_only_go_down(path):
    known = {name for rooms in FLOORS for name in rooms}
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "newsclust_pipeline" and len(parts) > 1 and parts[1] in known:
            assert floor(parts[1]) >= floor(room(path)), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "stages").glob("*.py")), ids=lambda p: p.name)
def test_stages_know_nothing_of_dagster(path):
    assert not [name for name in imports(path) if name.startswith("dagster")]


def test_tests_mirror_the_rooms():
    tested = {
        p.name.removeprefix("test_") for p in (ROOT / "newsclust_pipeline_tests").rglob("*.py")
    }
    stages = {p.name for p in (PACKAGE / "stages").glob("*.py")} - {"__init__.py", "errors.py"}
    assert stages <= tested


def settings_of(text, pattern):
    return sorted(set(re.findall(pattern, text, flags=re.MULTILINE)))


def test_settings_are_documented_once_and_listed_in_the_example():
    name = r"((?:NEWSCLUST|MILVUS|OPENAI)_[A-Z_]+)"
    used = settings_of((PACKAGE / "definitions.py").read_text(), rf'_setting\("{name}"')
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert settings_of(readme, rf"^\| `{name}` \|") == used
    assert settings_of((ROOT / ".env.example").read_text(), rf"^#{name}=") == used


def test_workspace_and_project_name_the_same_location():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dagster"]
    workspace = (ROOT / "workspace.yaml").read_text()
    assert f"module_name: {project['module_name']}" in workspace
    assert f"location_name: {project['code_location_name']}" in workspace
