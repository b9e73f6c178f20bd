"""The versions on which the bits of a result depend, in this process and on workers."""

from collections.abc import Callable, Mapping
from functools import cache


def difference(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Return how the versions of a worker differ from those of the run."""
    [name, *others] = [name for name in expected if found.get(name) != expected[name]]
    more = f", and {len(others)} more differ" if others else ""
    return (
        f"has {name} {found.get(name, 'not installed')}, the run has {expected[name]}{more}. "
        "Install the same versions everywhere, so that all workers give the same results."
    )


@cache
def versions() -> dict[str, str]:
    """Return the versions of everything on which the bits of a result depend."""
    return dict(versions_by_value()())


def versions_by_value() -> Callable[[], dict[str, str]]:
    """Return a function that a worker can run that doesn't have this package, or another one.

    It is pickled by value because it is defined inside a function.
    """

    def read_versions() -> dict[str, str]:
        import hashlib
        import importlib.metadata
        import importlib.util
        import pathlib
        import platform

        found = {"Python": platform.python_version()}
        spec = importlib.util.find_spec("newsclust_pipeline")
        if spec and spec.submodule_search_locations:
            digest = hashlib.sha256()
            root = pathlib.Path(next(iter(spec.submodule_search_locations)))
            for path in sorted(root.rglob("*.py")):
                digest.update(path.read_bytes())
            version = importlib.metadata.version("newsclust_pipeline")
            found["newsclust_pipeline"] = f"{version} (code {digest.hexdigest()[:12]})"
        for name in ("numpy", "scipy", "numba", "faiss-cpu", "umap-learn", "onnxruntime"):
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        return found

    return read_versions
