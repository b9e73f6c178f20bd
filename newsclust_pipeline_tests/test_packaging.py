"""What is released: the pinned versions, and the files in the wheel."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import newsclust_pipeline
from scripts import lock

ROOT = Path(newsclust_pipeline.__file__).parents[1]


def test_the_pinned_versions_fit_pyproject_and_each_other():
    assert lock.check() == []


def test_every_file_of_the_lock_comes_from_pypi():
    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    files = [f for p in packages for f in [*p.get("wheels", []), *filter(None, [p.get("sdist")])]]
    assert len(files) > 1000
    assert {"/".join(f["url"].split("/")[:3]) for f in files} == {"https://files.pythonhosted.org"}
    assert all(f["hash"].startswith("sha256:") for f in files)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A copy of the files that hold versions."""
    for name in ["pyproject.toml", "uv.lock", "README.md", "LICENSE", *lock.EXPORTS]:
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    return tmp_path


def test_a_new_dependency_an_edited_pin_and_a_private_index_are_noticed(repository):
    pins = repository / "constraints.txt"
    pins.write_text(pins.read_text("utf-8").replace("numpy==2", "numpy==1"), "utf-8")
    assert lock.check() == ["constraints.txt is not what uv.lock says"]
    locked = repository / "uv.lock"
    text = locked.read_text("utf-8")
    locked.write_text(text.replace("https://pypi.org/simple", "https://mirror.invalid"), "utf-8")
    assert "uv.lock does not fit pyproject.toml" in lock.check()[0]
    locked.write_text(text, "utf-8")
    project = repository / "pyproject.toml"
    changed = project.read_text("utf-8").replace('"click>=8.1,<9",', '"click>=8.1,<9", "flask",')
    project.write_text(changed, "utf-8")
    assert "uv.lock does not fit pyproject.toml" in lock.check()[0]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from this tree without a network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(wheel):
    package = [p for p in (ROOT / "newsclust_pipeline").rglob("*") if p.is_file()]
    expected = [p.relative_to(ROOT).as_posix() for p in package if "__pycache__" not in p.parts]
    names = zipfile.ZipFile(wheel).namelist()
    assert sorted(n for n in names if ".dist-info/" not in n) == sorted(expected)
    needed = {"py.typed", "dagster.yaml", "viz/web/page.css"}
    assert {f"newsclust_pipeline/{name}" for name in needed} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_requires_no_torch_and_has_the_command(wheel):
    with zipfile.ZipFile(wheel) as file:
        texts = {Path(n).name: file.read(n).decode() for n in file.namelist() if "dist-info/" in n}
    required = [line for line in texts["METADATA"].splitlines() if line.startswith("Requires-Dist")]
    assert any("dagster" in line for line in required)
    assert all("extra ==" in line for line in required if " torch" in line)
    assert "newsclust = newsclust_pipeline.cli:main" in texts["entry_points.txt"]
