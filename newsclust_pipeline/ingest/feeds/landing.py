"""New articles → `<day>.jsonl.gz` in the landing folder: whole or not at all, nothing twice."""

import gzip
import json
import shutil
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from newsclust_pipeline.core.errors import FeedsError
from newsclust_pipeline.core.files import atomic_path
from newsclust_pipeline.ingest.feeds.formats import Item
from newsclust_pipeline.ingest.feeds.state import FeedStore

_ENDING = ".jsonl.gz"


def item_key(feed: str, item: Item) -> str:
    """Return the key of an article's state: another one once the feed changes its text."""
    return sha256(f"{feed}\n{item.id}\n{item.digest()}".encode()).hexdigest()[:32]


def reconcile(folder: Path, store: FeedStore, now: float) -> int:
    """Mark the articles of landing files as seen that the store does not know.

    A run that was killed between writing a file and storing the state leaves such files, and so
    does a state that was moved away.

    Returns:
        How many files were read again.
    """
    unknown = [p for p in sorted(folder.glob(f"*{_ENDING}")) if _differs(p, store)]
    for path in unknown:
        try:
            keys = list(_keys(path))
        except (EOFError, OSError, UnicodeError, ValueError, zlib.error) as error:
            raise FeedsError(
                f"{path}: damaged ({error}). Put a whole copy in its place, or move it away: what "
                "its feeds still list is then stored again."
            ) from error
        with store.transaction():
            for feed, key in keys:
                store.mark_seen(feed, [key], now)
            store.put_size(path.name, path.stat().st_size)
    return len(unknown)


def _differs(path: Path, store: FeedStore) -> bool:
    return store.known_size(path.name) != path.stat().st_size


def _keys(path: Path) -> Iterator[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if isinstance(row, dict) and "key" in row and "feed" in row:
                yield str(row["feed"]), str(row["key"])


def append(folder: Path, items: Iterable[tuple[str, str, Item]], now: float) -> Path:
    """Append articles to the file of the day; return it.

    A new file is written beside the old one and then replaces it: a second gzip member at
    its end holds the new articles.

    Args:
        folder: the landing folder.
        items: key, feed and article.
        now: seconds since 1970; its day (UTC) names the file.
    """
    target = folder / f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}{_ENDING}"
    with atomic_path(target) as temporary, temporary.open("wb") as out:
        if target.exists():
            with target.open("rb") as old:
                shutil.copyfileobj(old, out)
        with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed:
            for key, feed, item in items:
                row = {"key": key, "feed": feed, **asdict(item)}
                packed.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return target


def content_digest(folder: Path) -> str:
    """Return a digest of the names and bytes of all landing files."""
    digest = sha256()
    for path in sorted(folder.glob(f"*{_ENDING}")):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def prune(folder: Path, days: int, now: float) -> list[str]:
    """Remove files of days more than `days` before today; return their names."""
    first = datetime.fromtimestamp(now, UTC).date() - timedelta(days=days)
    old = [p for p in sorted(folder.glob(f"????-??-??{_ENDING}")) if p.name[:10] < str(first)]
    for path in old:
        path.unlink()
    return [path.name for path in old]
