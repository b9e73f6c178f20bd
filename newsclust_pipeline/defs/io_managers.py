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
from newsclust_pipeline.core.errors import FileError
from newsclust_pipeline.core.file_errors import file_errors
from newsclust_pipeline.core.files import atomic_path, copy_file, exists, read_text, write_text
from newsclust_pipeline.core.locations import Location, address_of
from newsclust_pipeline.core.parquet import read_parquet, read_schema, write_parquet
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.failures import plain_failures
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
    """Base class: writes a temporary file, which then replaces the former one as a whole."""

    ending: ClassVar[str]
    folder: dg.ResourceDependency[DataFolder]

    @abstractmethod
    def write(self, value: Any, path: Path) -> None:
        """Write a value to a temporary path."""

    @abstractmethod
    def read(self, path: Location) -> Any:
        """Read a value."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Persist an asset's value; record path and size."""
        path = self._path(context.asset_key)
        with plain_failures(path), atomic_path(path) as temporary:
            self.write(obj, temporary)
            size = temporary.stat().st_size
        place = full_path(path)
        context.log.info(f"written: {place}")
        context.add_output_metadata({"path": dg.MetadataValue.path(place), "bytes": size})

    def load_input(self, context: dg.InputContext) -> Any:
        """Read an upstream asset's value.

        Raises:
            dagster.Failure: it was never materialised here, or the file is damaged.
        """
        path, name = self._path(context.asset_key), context.asset_key.to_user_string()
        place = address_of(path)
        with plain_failures(path):
            try:
                with file_errors(place):
                    return self.read(path)
            except FileNotFoundError:
                raise dg.Failure(
                    f"{place}: no such file. Materialise {name} first, or check "
                    "NEWSCLUST_DATA_DIR.",
                    allow_retries=False,
                ) from None
            except FileError:
                raise
            except UNREADABLE as error:
                raise dg.Failure(
                    f"{place}: the file is damaged ({error}). Materialise {name} again.",
                    allow_retries=False,
                ) from None

    def last(self, asset: str, say: Callable[[str], None] = lambda _: None) -> Any | None:
        """Return the value that the last run persisted; None if there is none that can be read.

        A damaged file, or one of an older version, is made again; `say` receives the reason.
        """
        path = self._path(dg.AssetKey(asset))
        try:
            return self.read(path)
        except FileNotFoundError:
            return None
        except UNREADABLE as error:
            say(f"{address_of(path)} can't be read, so it is made again: {error}")
            return None

    def _path(self, key: dg.AssetKey) -> Location:
        return self.folder.file(f"{key.path[-1]}{self.ending}")


class ParquetIO(AtomicFileIO):
    """Arrow tables as Parquet."""

    ending = ".parquet"

    def write(self, value: pa.Table, path: Path) -> None:
        """Write a table."""
        write_parquet(value, path)

    def read(self, path: Location) -> pa.Table:
        """Read a table, and verify its digest."""
        return read_parquet(path)


class SchemaIO(ParquetIO):
    """The schema of a Parquet file, for inputs of which only the metadata is needed."""

    def read(self, path: Location) -> pa.Schema:
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
        lock = self.folder.local_file(f".{path.name}.lock")
        with plain_failures(lock):
            lock.parent.mkdir(parents=True, exist_ok=True)
        with plain_failures(path), FileLock(lock):
            has_history = exists(path)
            current = self.read(path) if has_history else obj.slice(0, 0)
            if not _begins_with(obj, current):
                name = context.asset_key.to_user_string()
                raise dg.Failure(
                    f"{address_of(path)}: another run has added to it meanwhile, or it is "
                    f"another file now. Nothing was written. Materialise {name} again, with "
                    "all that lies before it.",
                    allow_retries=False,
                )
            if has_history and obj.num_rows > current.num_rows:
                copy_file(path, lineage.previous_generation(path))
            super().handle_output(context, obj)


class StoriesIO(ParquetIO):
    """Stories as Parquet, and as CSV and JSON for other programs."""

    def handle_output(self, context: dg.OutputContext, obj: pa.Table) -> None:
        """Persist the stories; Parquet last, because the other stages read it."""
        path = self._path(context.asset_key)
        # The byte order mark shows spreadsheets that the text is UTF-8.
        for ending, text in ((".csv", "\ufeff" + as_csv(obj)), (".json", as_json(obj))):
            export = path.with_suffix(ending)
            with plain_failures(export):
                write_text(text, export)
        super().handle_output(context, obj)


class CsrIO(AtomicFileIO):
    """Neighbours as one `.npz`: the matrix for `scipy.sparse.load_npz`, and ids and lists.

    Not compressed: that would take sixty times as long and save a quarter of the size.
    """

    ending = ".npz"

    def write(self, value: Neighbours, path: Path) -> None:
        """Write neighbours; see `search.files.write_neighbours`."""
        write_neighbours(value, path)

    def read(self, path: Location) -> Neighbours:
        """Read neighbours; see `search.files.read_neighbours`."""
        return read_neighbours(path)


class JsonIO(AtomicFileIO):
    """JSON objects with a checksum, keys sorted."""

    ending = ".json"

    def write(self, value: dict[str, Any], path: Path) -> None:
        """Write an object."""
        text = json.dumps(add_checksum(value), indent=2, sort_keys=True)
        path.write_text(f"{text}\n", encoding="utf-8")

    def read(self, path: Location) -> dict[str, Any]:
        """Read an object, and verify its checksum."""
        return verify_checksum(json.loads(read_text(path)))


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

    def read(self, path: Location) -> str:
        """Read a page."""
        return read_text(path, errors="replace")


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
            with plain_failures(path):
                write_text(text, path)
            context.log.info(f"written: {full_path(path)}")

    def load_input(self, context: dg.InputContext) -> dict[str, str]:
        """Read every text."""
        paths = [self.folder.file(name) for name in FEED_FILES]
        with plain_failures(self.folder.file("")):
            return {path.name: read_text(path) for path in paths}


class HtmlIO(PageIO):
    """The map, with the run that made it and its time in the footer.

    A run that makes the same map again leaves the file unchanged: equal input gives equal bytes.
    """

    def handle_output(self, context: dg.OutputContext, obj: str) -> None:
        """Persist the map; the figures and its path are the last lines of the run."""
        path = self._path(context.asset_key)
        with plain_failures(path):
            signed = super().read(path) if exists(path) else ""
        if page.sign(signed, {}) != obj or not page.is_signed(signed):
            made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            signed = page.sign(obj, {"run": context.run_id.split("-")[0], "made": made})
        super().handle_output(context, signed)
        terminal.print_at_end(*summarize(self.folder), f"the map is {full_path(path)}")

    def read(self, path: Location) -> str:
        """Read the map, without its signature."""
        return page.sign(super().read(path), {})


def full_path(location: Location) -> str:
    """Return the absolute path, or the address without secrets."""
    return address_of(location.resolve() if isinstance(location, Path) else location)


def _begins_with(table: pa.Table, start: pa.Table) -> bool:
    return table.slice(0, start.num_rows).equals(start)
