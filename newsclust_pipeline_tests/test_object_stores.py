"""Dumps and the data folder in an object store: a real S3 server, real runs."""

import gzip
import json
import shutil
import time

import dagster as dg
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core import files
from newsclust_pipeline.core.copies import TEMPORARY_PREFIX, local_copy
from newsclust_pipeline.core.listing import list_folder
from newsclust_pipeline.core.locations import parse_location
from newsclust_pipeline.defs import automation, terminal
from newsclust_pipeline.defs.resources import DataFolder, Milvus, NewsDumps
from newsclust_pipeline_tests.conftest import Pipeline
from newsclust_pipeline_tests.test_pipeline import FILES

LOCAL = {"milvus.db", "milvus.db.lock", "milvus.db.manifest"}


def put_dump(address, rows):
    """Write rows as JSON lines, gzipped."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    with files.atomic_path(parse_location(address, "news.path")) as temporary:
        temporary.write_bytes(gzip.compress(lines.encode()))


def names(address):
    return [i.location.name for i in list_folder(parse_location(address, "data_dir"))]


class RemotePipeline(Pipeline):
    """A pipeline whose data folder is in an object store."""

    def __init__(self, news, data, vectors, local):
        super().__init__(None, data, vectors)
        self.folder = DataFolder(path=data, local_path=str(local))
        self.resources |= {
            "folder": self.folder,
            "news": NewsDumps(path=news),
            "milvus": Milvus(folder=self.folder),
        }

    def read(self, name):
        with local_copy(self.folder.file(name)) as copy:
            return pq.read_table(copy)


@pytest.mark.slow
def test_runs_on_dumps_and_a_data_folder_in_s3(
    bucket, tmp_path, monkeypatch, vectors_seen, sample_rows
):
    (tmp_path / "work").mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    put_dump(f"{bucket}/dumps/a.jsonl.gz", sample_rows[:60])
    made = RemotePipeline(f"{bucket}/dumps/", f"{bucket}/data", vectors_seen, tmp_path / "local")

    assert made.run().success
    written = [name for name in names(f"{bucket}/data") if not name.startswith(".")]
    assert sorted(written) == FILES
    assert list((tmp_path / "work").iterdir()) == [], "no folder s3: in the working directory"
    assert list((tmp_path / "tmp").glob(f"{TEMPORARY_PREFIX}*")) == []
    assert {p.name for p in made.folder.local.iterdir() if not p.name.startswith(".")} == LOCAL
    place = f"{bucket}/data/cluster_plot.html"
    assert made.metadata("cluster_plot")["path"] == place
    assert made.metadata("raw_news")["rows_read"] == 60
    first = made.versions()

    assert made.run().success, "a rerun"
    assert made.versions() == first
    assert made.metadata("milvus_collection")["new"] == 0
    log = made.instance.all_logs(made.instance.get_runs(limit=1)[0].run_id)
    assert sum("the output is reused" in entry.user_message for entry in log) >= 5

    shutil.rmtree(tmp_path / "local")  # another machine
    put_dump(f"{bucket}/dumps/b.jsonl.gz", sample_rows[60:80])
    assert made.run().success
    count = made.metadata("raw_news")["dagster/row_count"]
    assert made.metadata("milvus_collection")["new"] == count, "Milvus Lite is filled again"
    assert made.metadata("raw_news")["rows_read"] == 80
    assert made.read("story_lineage.previous.parquet").num_rows
    assert made.read("hdbscan_labels.parquet").num_rows == count


def failure_of(made, lines):
    done = made.run()
    assert not done.success
    assert not [event for event in done.all_events if event.is_step_success]
    assert "\n" not in lines[-1]
    return lines[-1]


@pytest.fixture
def last_lines(monkeypatch):
    lines = []
    monkeypatch.setattr(terminal, "print_at_end", lambda *text: lines.append(text[-1]))
    return lines


def test_what_cannot_be_used_stops_the_run_before_the_first_stage(
    bucket, s3, tmp_path, vectors_seen, last_lines, sample_rows, monkeypatch
):
    from s3fs import S3FileSystem

    monkeypatch.chdir(tmp_path)
    put_dump(f"{bucket}/dumps/a.jsonl.gz", sample_rows[:5])

    def message(news=f"{bucket}/dumps", data=f"{bucket}/data"):
        S3FileSystem.clear_instance_cache()
        made = RemotePipeline(news, data, vectors_seen, tmp_path / "local")
        return failure_of(made, last_lines)

    missing = message(data="s3://no-such-bucket/data")
    assert missing.startswith("NEWSCLUST_DATA_DIR=s3://no-such-bucket/data: there is no such bucke")
    assert "s3://no-such-bucket/news: no such file or folder" in message("s3://no-such-bucket/news")
    assert f"{bucket}/none: no such file or folder" in message(f"{bucket}/none")
    assert "NEWSCLUST_DATA_DIR=https://host/data: nothing can be wri" in message(
        data="https://me:secret@host/data"
    ).replace("…@", "")
    assert "NEWSCLUST_NEWS=foo://x/y: addresses of this kind can't be used" in message("foo://x/y")
    assert "NEWSCLUST_DATA_DIR=s3:/b/data: an address begins with s3://" in message(
        data="s3:/b/data"
    )
    s3.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "Could not connect to the endpoint" in message()
    assert not (tmp_path / "s3:").exists()
    assert not [line for line in last_lines if "secret" in line]


def test_the_sensor_sees_a_new_dump_in_s3(bucket, sample_rows, monkeypatch):
    news = NewsDumps(path=f"{bucket}/dumps")

    def tick(cursor=None):
        return automation.dump_sensor(dg.build_sensor_context(cursor=cursor), news=news)

    put_dump(f"{bucket}/dumps/a.jsonl.gz", sample_rows[:5])
    assert "changed less than 30 s ago" in tick().skip_message
    now = time.time()
    monkeypatch.setattr(automation.time, "time", lambda: now + 60)
    seen = tick()
    assert len(seen.run_requests) == 1
    assert "nothing new in 1 dumps" in tick(seen.cursor).skip_message
    put_dump(f"{bucket}/dumps/a.jsonl.gz", sample_rows[:6])
    changed = tick(seen.cursor)
    assert len(changed.run_requests) == 1, "the same name with another content"
    put_dump(f"{bucket}/dumps/b.jsonl.gz", sample_rows[6:9])
    files.write_text("no dump", parse_location(f"{bucket}/dumps/notes.txt", "news.path"))
    assert len(tick(changed.cursor).run_requests) == 1


def test_two_addresses_have_two_local_folders(tmp_path):
    def local(path):
        return DataFolder(path=path, local_path=str(tmp_path)).local

    one, other = local("memory://b/a/data"), local("memory://b/a-data")
    assert one != other
    assert one.parent == other.parent == tmp_path
    assert local("memory://b/a/data/") == one
    assert local(str(tmp_path / "x")) == tmp_path / "x", "a data folder of this machine is its own"


def test_without_a_setting_the_local_folder_is_in_the_cache_of_the_user(tmp_path, environment):
    environment["XDG_CACHE_HOME"] = str(tmp_path)
    assert DataFolder(path="memory://b/data").local.parent == tmp_path / "newsclust_pipeline"
    assert list(tmp_path.iterdir()) == []
