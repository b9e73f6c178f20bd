"""A hook of mkdocs: links out of `docs/` lead to the file in the repository, and must exist."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_OUTSIDE = re.compile(r"\]\(\.\./([^)#\s]+)")


def on_page_markdown(markdown: str, *, config: Any, page: Any, **_: Any) -> str:
    """Return a page with `](../path` replaced by the path's address in the repository.

    Raises:
        FileNotFoundError: the repository has no such file.
    """

    def address(link: re.Match[str]) -> str:
        if not (ROOT / link[1]).exists():
            raise FileNotFoundError(f"docs/{page.file.src_uri} links to {link[1]}: no such file")
        return f"]({config.repo_url.rstrip('/')}/blob/main/{link[1]}"

    return _OUTSIDE.sub(address, markdown)
