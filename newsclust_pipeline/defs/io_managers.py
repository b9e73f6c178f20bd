"""Read and write the values of assets as files `<asset><ending>` in the data folder.

One class per format. The base class has what all formats share: paths, atomic writing, missing
files.
"""

import json
from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import dagster as dg
import pyarrow as pa
from filelock import FileLock
from pydantic import Field

from newsclust_pipeline.core.checksums import add_checksum, verify_checksum
from newsclust_pipeline.core.files import (
    atomic_path,
    copy_file,
    read_parquet,
    read_schema,
    write_parquet,
)
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.defs.summary import summarize
from newsclust_pipeline.search.files import read_neighbours, write_neighbours
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.stories import lineage
from newsclust_pipeline.stories.exports import as_csv, as_json
from newsclust_pipeline.stories.story_feeds import FEED_FILES
from newsclust_pipeline.viz import page

# What reading a damaged file, or one of an older version, raises.
UNREADABLE = (OSError, ValueError, KeyError, EOFError, BadZipFile, pa.ArrowException)


class AtomicFileIO(dg.ConfigurableIOManager):
    """Base class: writes a temporary file, then renames it. A file is never half-written."""

    ending: ClassVar[str]
    folder: dg.ResourceDependency[DataFolder]

    @abstractmethod
    def write(self, value: Any, path: Path) -> None:
        """Write a value to a temporary path."""

    @abstractmethod
    def read(self, path: Path) -> Any:
        """Read a value."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Persist an asset's value; record path and size."""
        path = self._path(context.asset_key)
        with atomic_path(path) as temporary:
            self.write(obj, temporary)
        place = path.resolve()
        context.log.info(f"written: {place}")
        context.add_output_metadata(
            {"path": dg.MetadataValue.path(place), "bytes": place.stat().st_size}
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """Read an upstream asset's value.

        Raises:
            dagster.Failure: it was never materialised here, or the file is damaged.
        """
        path = self._path(context.asset_key)
        if not path.is_file():
            name = context.asset_key.to_user_string()
            raise dg.Failure(
                f"{path}: no such file. Materialise {name} first, or check NEWSCLUST_DATA_DIR.",
                allow_retries=False,
            )
        try:
            return self.read(path)
        except UNREADABLE as error:
            name = context.asset_key.to_user_string()
            raise dg.Failure(
                f"{path}: the file is damaged ({error}). Materialise {name} again.",
                allow_retries=False,
            ) from None

    def last(self, asset: str, say: Callable[[str], None] = lambda _: None) -> Any | None:
        """Return the value that the last run persisted; None if there is none that can be read.

        A damaged file, or one of an older version, is made again; `say` receives the reason.
        """
        path = self._path(dg.AssetKey(asset))
        try:
            return self.read(path) if path.exists() else None
        except UNREADABLE as error:
            say(f"{path} can't be read, so it is made again: {error}")
            return None

    def _path(self, key: dg.AssetKey) -> Path:
        return self.folder.file(f"{key.path[-1]}{self.ending}")


class ParquetIO(AtomicFileIO):
    """Arrow tables as Parquet."""

    ending = ".parquet"

    def write(self, value: pa.Table, path: Path) -> None:
        """Write a table."""
        write_parquet(value, path)

    def read(self, path: Path) -> pa.Table:
        """Read a table, and verify its digest."""
        return read_parquet(path)


class SchemaIO(ParquetIO):
    """The schema of a Parquet file, for inputs of which only the metadata is needed."""

    def read(self, path: Path) -> pa.Schema:
        """Return the schema of a table, and verify its digest."""
        return read_schema(path)


class HistoryIO(ParquetIO):
    """A table that only grows: rows in the file are never changed or removed."""

    def handle_output(self, context: dg.OutputContext, obj: pa.Table) -> None:
        """Persist the longer table.

        Raises:
            dagster.Failure: it doesn't begin with the rows of the file, because another run has
                added rows since this one read them.
        """
        path = self._path(context.asset_key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            current = self.read(path) if path.exists() else obj.slice(0, 0)
            if not _begins_with(obj, current):
                name = context.asset_key.to_user_string()
                raise dg.Failure(
                    f"{path}: another run has added to it meanwhile, or it is another file now. "
                    f"Nothing was written. Materialise {name} again, with all that lies before it.",
                    allow_retries=False,
                )
            if path.exists() and obj.num_rows > current.num_rows:
                copy_file(path, lineage.previous_generation(path))
            super().handle_output(context, obj)


class StoriesIO(ParquetIO):
    """Stories as Parquet, and as CSV and JSON for other programs."""

    def handle_output(self, context: dg.OutputContext, obj: pa.Table) -> None:
        """Persist the stories; Parquet last, because the other stages read it."""
        path = self._path(context.asset_key)
        # The byte order mark shows spreadsheets that the text is UTF-8.
        for ending, text in ((".csv", "\ufeff" + as_csv(obj)), (".json", as_json(obj))):
            with atomic_path(path.with_suffix(ending)) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="")
        super().handle_output(context, obj)


class CsrIO(AtomicFileIO):
    """Neighbours as one `.npz`: the matrix for `scipy.sparse.load_npz`, and ids and lists.

    Not compressed: that would take sixty times as long and save a quarter of the size.
    """

    ending = ".npz"

    def write(self, value: Neighbours, path: Path) -> None:
        """Write neighbours; see `search.files.write_neighbours`."""
        write_neighbours(value, path)

    def read(self, path: Path) -> Neighbours:
        """Read neighbours; see `search.files.read_neighbours`."""
        return read_neighbours(path)


class JsonIO(AtomicFileIO):
    """JSON objects with a checksum, keys sorted."""

    ending = ".json"

    def write(self, value: dict[str, Any], path: Path) -> None:
        """Write an object."""
        text = json.dumps(add_checksum(value), indent=2, sort_keys=True)
        path.write_text(f"{text}\n", encoding="utf-8")

    def read(self, path: Path) -> dict[str, Any]:
        """Read an object, and verify its checksum."""
        return verify_checksum(json.loads(path.read_text(encoding="utf-8")))


class PageIO(AtomicFileIO):
    """HTML pages."""

    ending = ".html"
    data_url: str = Field("", description="Where the data folder is served; empty: nowhere.")

    def handle_output(self, context: dg.OutputContext, obj: str) -> None:
        """Persist a page; record its link if the data folder is served."""
        super().handle_output(context, obj)
        if address := self.address(self._path(context.asset_key).name):
            context.add_output_metadata({"page": dg.MetadataValue.url(address)})

    def address(self, name: str) -> str:
        """Return the address of a file of the data folder; empty if the folder is not served."""
        return f"{self.data_url.rstrip('/')}/{name}" if self.data_url else ""

    def write(self, value: str, path: Path) -> None:
        """Write a page."""
        path.write_text(value, encoding="utf-8")

    def read(self, path: Path) -> str:
        """Read a page."""
        return path.read_text(encoding="utf-8", errors="replace")


class MarkdownIO(PageIO):
    """Texts in Markdown."""

    ending = ".md"


class StoryFeedsIO(dg.ConfigurableIOManager):
    """The feeds of stories: texts by file name, see `stories.story_feeds`."""

    folder: dg.ResourceDependency[DataFolder]

    def handle_output(self, context: dg.OutputContext, obj: dict[str, str]) -> None:
        """Persist every text in its file."""
        for name, text in obj.items():
            path = self.folder.file(name)
            with atomic_path(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            context.log.info(f"written: {path.resolve()}")

    def load_input(self, context: dg.InputContext) -> dict[str, str]:
        """Read every text."""
        paths = [self.folder.file(name) for name in FEED_FILES]
        return {path.name: path.read_text(encoding="utf-8") for path in paths}


class HtmlIO(PageIO):
    """The map, with the run that made it and its time in the footer.

    A run that makes the same map again leaves the file unchanged: equal input gives equal bytes.
    """

    def handle_output(self, context: dg.OutputContext, obj: str) -> None:
        """Persist the map; the figures and its path are the last lines of the run."""
        path = self._path(context.asset_key)
        signed = super().read(path) if path.is_file() else ""
        if page.sign(signed, {}) != obj or not page.is_signed(signed):
            made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            signed = page.sign(obj, {"run": context.run_id.split("-")[0], "made": made})
        super().handle_output(context, signed)
        terminal.print_at_end(*summarize(self.folder), f"the map is {path.resolve()}")

    def read(self, path: Path) -> str:
        """Read the map, without its signature."""
        return page.sign(super().read(path), {})


def _begins_with(table: pa.Table, start: pa.Table) -> bool:
    return table.slice(0, start.num_rows).equals(start)
