"""What tests of several packages share."""

import csv
import gzip
import itertools
import os
import shutil
from pathlib import Path

import dagster as dg
import pytest

from newsclust_pipeline.definitions import build_defs
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.resources import SAMPLE, DataFolder, Embedder, Milvus, NewsDumps
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline_tests import milvus_server as real_milvus
from newsclust_pipeline_tests.documents import OWNER
from newsclust_pipeline_tests.object_store import new_bucket, s3_environment, s3_server

NUMBERS = itertools.count()


@pytest.fixture(autouse=True, scope="session")
def no_last_lines():
    """Keep what tested runs say at their end out of pytest's own end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terminal, "print_last_lines", lambda: None)
        yield


@pytest.fixture
def environment():
    """The environment, as it was again after the test."""
    before = dict(os.environ)
    yield os.environ
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def sample_rows():
    """The bundled sample's rows as they stand in the file."""
    with SAMPLE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def vectors_seen(tmp_path_factory):
    """One folder for the cache of vectors: tests needn't embed the same texts twice."""
    return tmp_path_factory.mktemp("vectors")


def write_dump(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write rows as a CSV dump, gzipped if the name says so."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


class Pipeline:
    """The real pipeline on the data of one test.

    Args:
        news: the dump or folder to read; None for the bundled sample.
        data: the data folder.
        vectors: the folder of the cache of vectors.
        milvus: fields of the resource `milvus`.
    """

    def __init__(self, news: Path | None, data: Path, vectors: Path, **milvus: str) -> None:
        self.data = data
        self.instance = dg.DagsterInstance.ephemeral()
        folder = DataFolder(path=str(data))
        self.resources = {
            "folder": folder,
            "news": NewsDumps(path=str(news or "")),
            "embedder": Embedder(folder=DataFolder(path=str(vectors))),
            "milvus": Milvus(folder=folder, **milvus),
        }

    def run(self, config: dict | None = None) -> dg.ExecuteInProcessResult:
        """Materialise everything, checks included; a failed run is a result, too."""
        run_config = {"ops": {name: {"config": given} for name, given in (config or {}).items()}}
        return (
            build_defs(**self.resources)
            .resolve_job_def("news_to_stories")
            .execute_in_process(run_config=run_config, instance=self.instance, raise_on_error=False)
        )

    def metadata(self, asset: str) -> dict:
        """The metadata of an asset's newest materialisation, as plain values."""
        event = self.instance.get_latest_materialization_event(dg.AssetKey(asset))
        return {k: v.value for k, v in event.asset_materialization.metadata.items()}

    def versions(self) -> dict[str, str]:
        """The data version of every asset."""
        keys = build_defs().resolve_asset_graph().materializable_asset_keys
        events = {key: self.instance.get_latest_materialization_event(key) for key in keys}
        return {
            key.to_user_string(): event.asset_materialization.tags["dagster/data_version"]
            for key, event in events.items()
        }


@pytest.fixture
def pipeline(tmp_path, vectors_seen):
    """Make a pipeline on these rows, or on this dump or folder."""

    def make(news: Path | list[dict[str, str]], **settings: str) -> Pipeline:
        if isinstance(news, list):
            news = write_dump(tmp_path / "dump.csv", news)
        return Pipeline(news, tmp_path / "data", vectors_seen, **settings)

    return make


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """Two worker processes of Dask for a module: idle ones need a twentieth of a core."""
    pytest.importorskip("distributed")
    from newsclust_pipeline.core.dask_cluster import open_cluster

    with open_cluster("local:2", tmp_path_factory.mktemp("engine")) as opened:
        yield opened


@pytest.fixture(scope="session")
def milvus_binaries(tmp_path_factory):
    """The server's binaries; NEWSCLUST_REQUIRE_MILVUS=1 makes it a failure to have none."""
    if real_milvus.PACKAGE is None and os.environ.get("NEWSCLUST_REQUIRE_MILVUS") != "1":
        pytest.skip("needs a Milvus server: the package milvus==2.3.5, for Linux on x86-64")
    folder = real_milvus.unpack(tmp_path_factory.mktemp("milvus_binaries"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def make_server(milvus_binaries, tmp_path_factory):
    """Start real servers, which are killed after the module: idle ones need a tenth of a core."""
    servers = []

    def make(**settings):
        folder = tmp_path_factory.mktemp("milvus_server")
        servers.append(real_milvus.MilvusServer(milvus_binaries, folder, **settings).start())
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture(scope="module")
def milvus_server(make_server):
    """One real server, for all tests of a module that let it live."""
    return make_server()


@pytest.fixture(scope="module")
def guarded_server(make_server):
    """One that asks for a token: `root:` and its password."""
    server = make_server(authentication=True)
    server.password = "so-very-secret"  # noqa: S105
    with connect(server.uri, OWNER, "root:Milvus") as client:  # the initial password
        client.update_password("root", "Milvus", server.password)
    return server


@pytest.fixture(scope="module", params=["lite", "server"])
def milvus_uri(request, tmp_path_factory):
    """Where Milvus is: a file, then a server. What holds for the one must hold for the other."""
    if request.param == "server":
        return request.getfixturevalue("milvus_server").uri
    return str(tmp_path_factory.mktemp("lite") / "milvus.db")


@pytest.fixture(scope="module")
def client(milvus_uri):
    """Milvus, open for all tests of a module; each names its own collection."""
    with connect(milvus_uri, OWNER) as opened:
        yield opened


@pytest.fixture
def name(request):
    """A collection's name that no other test's begins with; a server is freed of it afterwards."""
    name = f"news_{next(NUMBERS):03}"
    yield name
    client = request.node.funcargs.get("client")
    if client and not client.is_lite:
        for collection in client.list_collections():
            if collection.startswith(name):
                client.release_collection(collection)


@pytest.fixture(scope="session")
def s3_endpoint():
    """The address of a real S3 server, one for all tests."""
    with s3_server() as address:
        yield address


@pytest.fixture
def s3(s3_endpoint):
    """The environment of that server, which a test may change."""
    with s3_environment(s3_endpoint) as patch:
        yield patch


@pytest.fixture
def bucket(s3):
    """The address of an empty bucket."""
    return f"s3://{new_bucket()}"


# Fixtures that start a Milvus server, a browser or the whole pipeline.
SLOW_FIXTURES = {"milvus_binaries", "browser", "pipeline", "sample_run", "replayed"}
# Files that take longest come first, so that no worker is left alone with one of them at the end.
FIRST = (
    "store/test_ownership.py",
    "store/test_collection.py",
    "defs/test_daemon.py",
    "test_pipeline_on_server.py",
    "defs/test_ui.py",
    "test_pipeline.py",
    "store/test_server.py",
    "search/test_knn.py",
    "viz/test_layout_browser.py",
    "test_concurrent_runs.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by `FIRST`, and mark those that `make test-fast` leaves out.

    Tests of torch mark themselves.
    """
    places = {Path(__file__).parent / name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(FIRST)))
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        on_server = "server" in [value for value in params.values() if isinstance(value, str)]
        if on_server or SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
