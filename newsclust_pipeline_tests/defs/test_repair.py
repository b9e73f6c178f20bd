"""Damaged files of the data folder are found, and repaired as far as possible."""

import pyarrow as pa
import pytest

from newsclust_pipeline.core.errors import HistoryError
from newsclust_pipeline.core.parquet import write_parquet
from newsclust_pipeline.defs.io_managers import JsonIO
from newsclust_pipeline.defs.repair import damaged_files, repair
from newsclust_pipeline.defs.resources import DataFolder
from newsclust_pipeline.embed.cache import VectorCache
from newsclust_pipeline.ingest.feeds.state import FeedStore
from newsclust_pipeline.store.owner import owner_of
from newsclust_pipeline.stories.lineage import HISTORY, previous_generation
from newsclust_pipeline.stories.title_answers import write_answers


def folder(path):
    return DataFolder(path=str(path))


@pytest.fixture
def data(tmp_path):
    write_parquet(pa.table({"n": [1]}), tmp_path / "stories.parquet")
    write_parquet(HISTORY.empty_table(), tmp_path / "story_lineage.parquet")
    write_parquet(HISTORY.empty_table(), previous_generation(tmp_path / "story_lineage.parquet"))
    return tmp_path


def damage(path):
    path.write_bytes(b"PAR1 damaged")


def test_a_sound_folder_needs_no_repair(data):
    assert list(damaged_files(folder(data))) == []
    assert list(repair(folder(data))) == [f"{data / 'story_lineage.parquet'}: nothing to repair."]


def test_an_empty_folder_needs_no_repair(tmp_path):
    assert list(damaged_files(folder(tmp_path))) == []


def test_damaged_files_are_named_and_repaired(data):
    damage(data / "stories.parquet")
    damage(data / "story_lineage.parquet")
    history, stories = damaged_files(folder(data))
    assert "stories.parquet: the file is damaged" in stories
    assert "newsclust repair" in history
    done = " ".join(repair(folder(data)))
    assert "restored from story_lineage.previous.parquet" in done
    assert "moved to stories.damaged.parquet" in done
    assert list(damaged_files(folder(data))) == []


def test_a_history_that_can_not_be_restored_is_an_error(data):
    damage(data / "story_lineage.parquet")
    damage(previous_generation(data / "story_lineage.parquet"))
    with pytest.raises(HistoryError, match="backup"):
        list(repair(folder(data)))


@pytest.mark.parametrize(
    "name",
    [
        "knn_distance_matrix.npz",
        "milvus_collection.json",
        ".owner.json",
        "milvus.db.manifest",
        "title_answers.json",
        "feeds.sqlite",
        "embedding_cache.sqlite",
        "near_duplicates.parquet",
    ],
)
def test_every_damaged_file_is_named_with_what_happens_next(data, name):
    (data / name).write_bytes(b"{ damaged" * 1000)
    [finding] = damaged_files(folder(data))
    assert finding.startswith(f"{data / name}: the file is damaged (")
    assert finding.endswith(".")


def test_files_as_they_are_written_are_not_damaged(data):
    owner_of(data, pytest.fail)
    write_answers(data / "title_answers.json", {"k": "Fog"}, [])
    with VectorCache(data / "embedding_cache.sqlite", "minilm/1"):
        pass
    with FeedStore(data / "feeds.sqlite"):
        pass
    JsonIO(folder=DataFolder(path=str(data))).write({"n": 1}, data / "milvus_collection.json")
    assert list(damaged_files(folder(data))) == []


@pytest.mark.parametrize("name", ["feeds.sqlite", "embedding_cache.sqlite"])
def test_an_emptied_database_is_damaged(data, name):
    (data / name).write_bytes(b"")
    [finding] = damaged_files(DataFolder(path=str(data)))
    assert "the file is empty" in finding


def test_a_damaged_cache_is_rescued(data):
    (data / "embedding_cache.sqlite").write_bytes(b"not a database" * 1000)
    assert "embedding_cache.sqlite.damaged" in " ".join(repair(folder(data)))
    assert list(damaged_files(folder(data))) == []
