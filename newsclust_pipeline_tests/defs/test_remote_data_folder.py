"""What reads or writes the data folder works in a store; what must be a path refuses addresses."""

import itertools
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from click.testing import CliRunner

from newsclust_pipeline.cli import main
from newsclust_pipeline.core import files
from newsclust_pipeline.core.errors import HistoryError, SettingError
from newsclust_pipeline.core.listing import list_folder
from newsclust_pipeline.core.locations import address_of
from newsclust_pipeline.core.parquet import read_parquet, write_parquet
from newsclust_pipeline.defs.config_file import config_file
from newsclust_pipeline.defs.home import open_instance
from newsclust_pipeline.defs.io_managers import (
    CsrIO,
    HistoryIO,
    JsonIO,
    ParquetIO,
    StoriesIO,
    StoryFeedsIO,
)
from newsclust_pipeline.defs.repair import damaged_files, repair
from newsclust_pipeline.defs.resources import DataFolder, Embedder, Feeds, Milvus, NewsDumps
from newsclust_pipeline.store.owner import owner_of
from newsclust_pipeline.stories.lineage import HISTORY, previous_generation, read_history
from newsclust_pipeline_tests.defs.test_io_managers import NEIGHBOURS, TABLE, output
from newsclust_pipeline_tests.feed_server import FeedServer, Page, numbered, rss

NUMBERS = itertools.count()


@pytest.fixture
def folder(tmp_path):
    """A data folder in fsspec's memory store."""
    return DataFolder(path=f"memory://data-{next(NUMBERS)}/x", local_path=str(tmp_path / "local"))


def names(folder, under=""):
    root = folder.file(under) if under else folder.root
    return [info.location.name for info in list_folder(root)]


@pytest.mark.parametrize(
    ("manager", "value"), [(ParquetIO, TABLE), (JsonIO, {"count": 3, "name": "Zürich"})]
)
def test_values_come_back_as_they_went(folder, manager, value):
    io, context = manager(folder=folder), output()
    io.handle_output(context, value)
    assert io.load_input(dg.build_input_context(asset_key=dg.AssetKey("thing"))) == value
    assert io.last("thing") == value
    place = f"{folder.path}/thing{io.ending}"
    assert context.consume_logged_metadata()["path"].value == place


def test_neighbours_and_texts_come_back(folder):
    CsrIO(folder=folder).handle_output(output(), NEIGHBOURS)
    assert CsrIO(folder=folder).last("thing").doc_id.tolist() == NEIGHBOURS.doc_id.tolist()
    texts = {"stories.atom": "<feed/>", "stories.feed.json": "{}"}
    StoryFeedsIO(folder=folder).handle_output(output(), texts)
    context = dg.build_input_context(asset_key=dg.AssetKey("thing"))
    assert StoryFeedsIO(folder=folder).load_input(context) == texts


def test_missing_and_damaged_files_are_named_by_their_address(folder):
    context = dg.build_input_context(asset_key=dg.AssetKey("thing"))
    io, place = ParquetIO(folder=folder), f"{folder.path}/thing.parquet"
    with pytest.raises(dg.Failure, match=f"{place}: no such file. Materialise thing first"):
        io.load_input(context)
    assert io.last("thing") is None
    files.write_text("no table", folder.file("thing.parquet"))
    with pytest.raises(dg.Failure, match=f"{place}: the file is damaged"):
        io.load_input(context)


def test_a_history_grows_and_keeps_its_previous_generation(folder):
    io, longer = HistoryIO(folder=folder), pa.concat_tables([TABLE, TABLE])
    io.handle_output(output(), TABLE)
    io.handle_output(output(), longer)
    assert read_parquet(folder.file("thing.previous.parquet")) == TABLE
    with pytest.raises(dg.Failure, match="another run has added to it meanwhile"):
        io.handle_output(output(), TABLE)
    assert io.last("thing") == longer


def test_a_failed_upload_leaves_what_was_there(folder, monkeypatch):
    io = ParquetIO(folder=folder)
    io.handle_output(output(), TABLE)

    def refuse(*_, **__):
        raise ConnectionError("the network is down")

    monkeypatch.setattr(type(folder.root.fs), "put_file", refuse)
    with pytest.raises(dg.Failure, match=r"thing\.parquet: can't be read or written \(the network"):
        io.handle_output(output(), TABLE.slice(0, 1))
    assert io.last("thing") == TABLE


def test_a_damaged_history_is_restored(folder):
    path = folder.file("story_lineage.parquet")
    for target in (path, previous_generation(path)):
        with files.atomic_path(target) as temporary:
            write_parquet(HISTORY.empty_table(), temporary)
    files.write_text("damaged", path)
    files.write_text("damaged", folder.file("stories.parquet"))
    with pytest.raises(HistoryError, match=f"{folder.path}/story_lineage.parquet: the history"):
        read_history(path)
    assert len(list(damaged_files(folder))) == 2
    done = " ".join(repair(folder))
    assert "restored from story_lineage.previous.parquet" in done
    assert "stories.damaged.parquet" in done
    assert list(damaged_files(folder)) == []
    assert "story_lineage.damaged.parquet" in names(folder)


def test_a_data_folder_keeps_its_id_and_a_copy_gets_another(folder, tmp_path):
    first = owner_of(folder.root, pytest.fail, local=folder.local)
    assert owner_of(folder.root, pytest.fail, local=tmp_path / "another machine").id == first.id
    assert first.contains(folder.local_file("milvus.db"))
    write = first.new_write()
    assert first.has_written(write)
    copy = DataFolder(path=f"{folder.path}-copy", local_path=str(tmp_path))
    files.copy_file(folder.file(".owner.json"), copy.file(".owner.json"))
    warnings = []
    assert owner_of(copy.root, warnings.append, local=copy.local).id != first.id
    assert f"is a copy of {address_of(folder.root)}" in warnings[0]


def test_feeds_and_their_state_are_in_the_store(folder):
    with FeedServer() as server:
        server.pages = {"/a": Page(rss(numbered(1, 5)))}
        feeds = Feeds(addresses=server.url("/a"), allow_private="1", folder=folder)
        assert feeds.update(None, lambda *_: None).new == 5
        server.pages = {"/a": Page(rss(numbered(1, 7)))}
        assert feeds.update(None, lambda *_: None).new == 2, "the state knows the others"
        files.write_text("damaged", folder.file("feeds.sqlite"))
        again = feeds.update(None, lambda *_: None)
        assert again.new == 0, "the landing file knows them, too"
        assert "feeds.sqlite.damaged" in again.warnings[0]
    (landed,) = names(folder, "feeds")
    news = NewsDumps(landing=f"{folder.path}/feeds")
    assert len(list(news.open().rows())) == 7
    assert landed.endswith(".jsonl.gz")
    assert {"feeds.sqlite", "feeds.sqlite.damaged"} <= set(names(folder))
    assert not folder.local.exists()
    day = 86_400 * 400
    assert feeds.landing == folder.file("feeds")
    from newsclust_pipeline.ingest.feeds.landing import content_digest, prune

    assert content_digest(feeds.landing) == content_digest(feeds.landing)
    assert prune(feeds.landing, 1, list_folder(feeds.landing)[0].time_ns / 1e9 + day)
    assert names(folder, "feeds") == []


def test_the_command_reads_a_remote_data_folder(folder, environment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment["NEWSCLUST_LOCAL_DIR"] = str(tmp_path / "local")
    environment.pop("DAGSTER_HOME", None)
    missing = CliRunner().invoke(main, ["stories", "--data", folder.path])
    assert f"{folder.path}/stories.parquet: no such file" in missing.output
    day = datetime(2026, 11, 26, tzinfo=UTC)
    story = {"size": 3, "outlets": 2, "title": "Fog"}
    story |= {"first_published": day, "last_published": day}
    StoriesIO(folder=folder).write(pa.Table.from_pylist([story]), tmp_path / "stories.parquet")
    files.copy_file(tmp_path / "stories.parquet", folder.file("stories.parquet"))
    assert "Fog" in CliRunner().invoke(main, ["stories", "--data", folder.path]).output
    report = CliRunner().invoke(main, ["doctor", "--data", folder.path]).output
    assert f"✓ object store: {folder.path}: can be written to" in report
    assert f"✓ tables: no damaged one in {folder.path}" in report
    assert f"{folder.local / '.dagster'}" in report
    assert not list(tmp_path.glob("memory*"))


@pytest.mark.parametrize("address", ["s3://bucket/x", "s3:/bucket/x", "foo://x/y"])
@pytest.mark.parametrize("command", ["stories", "repair", "run"])
def test_a_command_refuses_what_it_cannot_use_in_one_sentence(
    address, command, environment, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if address == "s3://bucket/x":
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    done = CliRunner().invoke(main, [command, "--data", address])
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: NEWSCLUST_DATA_DIR={address}: ")
    assert done.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_doctor_reports_an_address_that_cannot_be_used_and_goes_on(environment):
    done = CliRunner().invoke(main, ["doctor", "--data", "foo://x/y"])
    assert done.exit_code == 1
    assert "✗ data folder: NEWSCLUST_DATA_DIR=foo://x/y: addresses of this kind" in done.output
    assert "news: " in done.output
    assert "Settings in force" in done.output


@pytest.mark.parametrize("address", ["s3://bucket/x", "https://host/x", "s3:/x"])
def test_settings_that_must_be_paths_refuse_addresses(
    address, folder, environment, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    embedder = Embedder(name="minilm", model=address, folder=folder)
    with pytest.raises(SettingError, match=r"`embedder\.model`=.* must be a path"):
        embedder.load("minilm")
    if not address.startswith("https"):
        with pytest.raises(SettingError, match=r"`milvus\.uri`=.* must be a path"):
            _ = Milvus(uri=address, folder=folder).place
    with pytest.raises(SettingError, match=r"`local_dir`=.* must be a path"):
        _ = DataFolder(path="memory://a/b", local_path=address).local
    environment["NEWSCLUST_CONFIG"] = address
    config_file.cache_clear()
    assert "`config_file`" in config_file().problem
    config_file.cache_clear()
    environment["DAGSTER_HOME"] = address
    with pytest.raises(SettingError, match=r"`DAGSTER_HOME`=.* must be a path"):
        open_instance(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_addresses_of_this_machine_are_paths_everywhere(tmp_path, folder):
    assert DataFolder(path=f"file://{tmp_path}").local == tmp_path
    assert Milvus(uri=f"file://{tmp_path}/m.db", folder=folder).place == f"{tmp_path}/m.db"
    assert NewsDumps(path=f"file://{tmp_path}").location == Path(tmp_path)
