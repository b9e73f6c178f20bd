"""Files in an object store: whole or as they were, and a failure is never a missing file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from newsclust_pipeline.core import files
from newsclust_pipeline.core.listing import list_folder
from newsclust_pipeline.core.locations import StoreError, parse_location
from newsclust_pipeline.core.parquet import read_parquet, write_parquet
from newsclust_pipeline_tests.object_store import CuttingProxy


def names(folder):
    return [info.location.name for info in list_folder(folder)]


def test_what_is_written_is_read_listed_moved_and_removed(root):
    assert names(root) == []
    for name, text in {"b.txt": "zwei\r\nZeilen", "a.txt": "", "under/c.txt": "c"}.items():
        files.write_text(text, root / name)
    assert names(root) == ["a.txt", "b.txt"]
    assert files.read_text(root / "b.txt") == "zwei\r\nZeilen"
    assert files.exists(root / "a.txt")
    assert not files.exists(root / "none.txt")
    assert not files.exists(root / "under"), "a folder is no file"
    files.move(root / "b.txt", root / "a.txt")
    assert names(root) == ["a.txt"]
    assert files.read_text(root / "a.txt").startswith("zwei")
    files.remove(root / "a.txt")
    files.remove(root / "a.txt")
    assert names(root) == []
    with pytest.raises(FileNotFoundError):
        files.read_text(root / "a.txt")


def test_tables_survive(root):
    table = pa.table({"doc_id": ["a", "b"]})
    with files.atomic_path(root / "t.parquet") as temporary:
        write_parquet(table, temporary)
        assert names(root) == []
    assert read_parquet(root / "t.parquet") == table


@pytest.mark.parametrize("fault", [ValueError, OSError, KeyboardInterrupt])
def test_a_failure_before_the_upload_leaves_the_old_object(root, fault):
    files.write_text("old", root / "a.txt")
    with pytest.raises(fault), files.atomic_path(root / "a.txt") as temporary:
        temporary.write_text("half of the new")
        raise fault
    assert files.read_text(root / "a.txt") == "old"
    assert names(root) == ["a.txt"]


def test_a_file_that_is_changed_in_place_is_replaced_as_a_whole(root):
    for text in ("one", "two"):
        with files.local_update(root / "state") as path:
            path.write_text(path.read_text() + text)
    with pytest.raises(KeyError), files.local_update(root / "state") as path:
        path.write_text("half")
        raise KeyError
    assert files.read_text(root / "state") == "onetwo"


def test_the_type_of_an_object_follows_from_its_name(bucket):
    import boto3

    files.write_text("<p>map</p>", parse_location(f"{bucket}/cluster_plot.html", "data_dir"))
    head = boto3.client("s3").head_object(
        Bucket=bucket.removeprefix("s3://"), Key="cluster_plot.html"
    )
    assert head["ContentType"] == "text/html", "browsers show it"


UPLOAD = """
from newsclust_pipeline.core.files import atomic_path
from newsclust_pipeline.core.locations import parse_location

with atomic_path(parse_location({address!r}, "data_dir")) as temporary:
    temporary.write_bytes(b"new" * 1_000_000)
"""


def test_a_process_that_is_killed_while_it_uploads_leaves_the_old_object(bucket, s3_endpoint):
    target = parse_location(f"{bucket}/a.txt", "data_dir")
    files.write_text("old", target)
    proxy = CuttingProxy(s3_endpoint, limit=1 << 20)
    process = subprocess.Popen(
        [sys.executable, "-c", UPLOAD.format(address=f"{bucket}/a.txt")],
        env=os.environ | {"AWS_ENDPOINT_URL": proxy.address},
        cwd=Path(files.__file__).parents[2],
    )
    try:
        assert proxy.is_cut.wait(120), "a third of the object is on its way"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        proxy.close()
    assert files.read_text(target) == "old"
    assert names(target.parent) == ["a.txt"]


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "Could not connect to the endpoint"),
        ("AWS_ACCESS_KEY_ID", "", "Unable to locate credentials"),
        ("AWS_PROFILE", "nobody", r"config profile \(nobody\) could not be found"),
    ],
)
def test_a_store_that_cannot_be_used_is_no_missing_file(bucket, s3, setting, value, message):
    from s3fs import S3FileSystem

    s3.setenv(setting, value)
    S3FileSystem.clear_instance_cache()
    location = parse_location(f"{bucket}/a.txt", "data_dir")
    with pytest.raises(StoreError, match=message) as error:
        files.exists(location)
    assert str(error.value).startswith(f"{bucket}/a.txt: can't be read or written (")
    assert "AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL" in str(error.value)
    assert "so-very-secret" not in str(error.value)
