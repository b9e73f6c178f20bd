"""New articles → `<day>.jsonl.gz` in the landing folder: whole or not at all, nothing twice."""

import gzip
import json
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from newsclust_pipeline.core.copies import local_copy
from newsclust_pipeline.core.errors import FeedsError
from newsclust_pipeline.core.files import atomic_path, exists, remove
from newsclust_pipeline.core.listing import FileInfo, list_folder
from newsclust_pipeline.core.locations import Location, address_of
from newsclust_pipeline.ingest.feeds.formats import Item
from newsclust_pipeline.ingest.feeds.state import FeedStore

_ENDING = ".jsonl.gz"
_DAY = re.compile(r"(.{4}-.{2}-.{2})" + re.escape(_ENDING))


def item_key(feed: str, item: Item) -> str:
    """Return the key of an article's state: another one once the feed changes its text."""
    return sha256(f"{feed}\n{item.id}\n{item.digest()}".encode()).hexdigest()[:32]


def reconcile(folder: Location, store: FeedStore, now: float) -> int:
    """Mark the articles of landing files as seen that the store does not know.

    A run that was killed between writing a file and storing the state leaves such files, and so
    does a state that was moved away.

    Returns:
        How many files were read again.
    """
    unknown = [f for f in files(folder) if store.known_size(f.location.name) != f.size]
    for file in unknown:
        try:
            keys = list(_keys(file.location))
        except (EOFError, OSError, UnicodeError, ValueError, zlib.error) as error:
            raise FeedsError(
                f"{address_of(file.location)}: damaged ({error}). Put a whole copy in its place, "
                "or move it away: what its feeds still list is then stored again."
            ) from error
        with store.transaction():
            for feed, key in keys:
                store.mark_seen(feed, [key], now)
            store.put_size(file.location.name, file.size)
    return len(unknown)


def files(folder: Location) -> list[FileInfo]:
    """Return the landing files, by name."""
    return [file for file in list_folder(folder) if file.location.name.endswith(_ENDING)]


def _keys(path: Location) -> Iterator[tuple[str, str]]:
    with local_copy(path) as copy, gzip.open(copy, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if isinstance(row, dict) and "key" in row and "feed" in row:
                yield str(row["feed"]), str(row["key"])


def append(folder: Location, items: Iterable[tuple[str, str, Item]], now: float) -> tuple[str, int]:
    """Append articles to the file of the day; return its name and size.

    A new file is written beside the old one and then replaces it: a second gzip member at
    its end holds the new articles.

    Args:
        folder: the landing folder.
        items: key, feed and article.
        now: seconds since 1970; its day (UTC) names the file.
    """
    target = folder / f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}{_ENDING}"
    with atomic_path(target) as temporary, temporary.open("wb") as out:
        if exists(target):
            with local_copy(target) as copy, copy.open("rb") as old:
                shutil.copyfileobj(old, out)
        with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed:
            for key, feed, item in items:
                row = {"key": key, "feed": feed, **asdict(item)}
                packed.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        out.flush()
        size = out.tell()
    return target.name, size


def content_digest(folder: Location) -> str:
    """Return a digest of the names and bytes of all landing files.

    Those of an object store are not read: the version that the store gives them counts.
    """
    digest = sha256()
    for path, _, _, version in files(folder):
        content = path.read_bytes() if isinstance(path, Path) else version.encode()
        digest.update(f"{path.name}\n".encode() + content)
    return digest.hexdigest()


def prune(folder: Location, days: int, now: float) -> list[str]:
    """Remove files of days more than `days` before today; return their names."""
    first = datetime.fromtimestamp(now, UTC).date() - timedelta(days=days)
    days_and_files = [(_DAY.fullmatch(f.location.name), f.location) for f in files(folder)]
    old = [path for day, path in days_and_files if day and day[1] < str(first)]
    for path in old:
        remove(path)
    return [path.name for path in old]
