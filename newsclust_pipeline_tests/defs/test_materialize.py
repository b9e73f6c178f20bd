"""What Dagster records of a stage, and when a stage is skipped."""

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.defs import materialize
from newsclust_pipeline.defs.io_managers import HtmlIO, JsonIO
from newsclust_pipeline.defs.materialize import result, stage
from newsclust_pipeline.defs.resources import DataFolder, Milvus, Titles
from newsclust_pipeline.defs.reuse import Result
from newsclust_pipeline_tests.conftest import Pipeline, write_dump

TABLE = pa.table({"doc_id": ["a", "b"]})


def test_parameters_are_written_to_the_metadata_of_a_table():
    table = TABLE.replace_schema_metadata({"embedder": "minilm"})
    metadata = result(table, {"k": 50}).value.schema.metadata
    assert metadata == {b"embedder": b"minilm", b"k": b"50"}


def run(*assets, folder):
    resources = {
        "json_io": JsonIO(folder=DataFolder(path=str(folder))),
        "guard": dg.ResourceDefinition.hardcoded_resource(None),
    }
    return dg.materialize(
        assets, resources=resources, instance=dg.DagsterInstance.ephemeral(), raise_on_error=False
    )


def test_an_error_that_explains_itself_becomes_a_failure_that_is_not_retried(tmp_path):
    @stage("json", io="json")
    def thing() -> Result:
        """A thing."""
        raise DumpError("news.csv: gone. Set `news.path`.")

    done = run(thing, folder=tmp_path)
    assert (
        "news.csv: gone. Set NEWSCLUST_NEWS." in done.failure_data_for_node("thing").error.message
    )
    assert not materialize.failure("gone").allow_retries


def test_any_other_error_keeps_its_traceback(tmp_path):
    @stage("json", io="json")
    def thing() -> Result:
        """A thing."""
        return result(1 / 0)

    error = run(thing, folder=tmp_path).failure_data_for_node("thing")
    assert "ZeroDivisionError" in error.error.cause.message


def test_a_table_is_recorded_with_rows_columns_and_version(unchanged):
    metadata, news = unchanged.metadata("hdbscan_labels"), unchanged.data / "raw_news.parquet"
    assert metadata["dagster/row_count"] == pq.read_metadata(news).num_rows
    columns = metadata["dagster/column_schema"].columns
    assert columns[0].name == "doc_id"
    assert all(column.description for column in columns)
    assert len(unchanged.versions()["hdbscan_labels"]) == 64


def test_every_asset_has_a_code_version(unchanged):
    for key in unchanged.versions():
        event = unchanged.instance.get_latest_materialization_event(dg.AssetKey(key))
        assert event.asset_materialization.tags["dagster/code_version"]


# --- reuse, on the real pipeline

TABLES = {"raw_news", "hdbscan_labels", "stories", "parameter_sweep", "documents", "story_quality"}
TABLES |= {"map_labels"}
PAGES = {"cluster_plot", "parameter_plot"}
REUSED = TABLES | PAGES
MESSAGE = "Inputs, configuration and code are unchanged"


@pytest.fixture
def ran(pipeline, sample_rows):
    """A pipeline that has run on sixty articles."""
    made = pipeline(sample_rows[:60])
    assert made.run().success
    return made


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory, vectors_seen, sample_rows):
    """Another one, for all tests after which its files and records are what they were."""
    folder = tmp_path_factory.mktemp("unchanged")
    news = write_dump(folder / "dump.csv", sample_rows[:60])
    made = Pipeline(news, folder / "data", vectors_seen)
    assert made.run().success
    return made


def reused(made, config=None):
    """Run again; return the assets whose last output was reused."""
    done = made.run(config)
    assert done.success
    records = made.instance.all_logs(done.run_id)
    return {r.step_key for r in records if r.user_message.startswith(MESSAGE)}


def test_a_rerun_with_nothing_new_reuses_every_output(unchanged):
    files = {p: p.read_bytes() for p in unchanged.data.iterdir() if p.stem in REUSED}
    assert reused(unchanged) == REUSED
    versions, figures = unchanged.versions(), {name: unchanged.metadata(name) for name in REUSED}
    assert reused(unchanged) == REUSED
    assert {path: path.read_bytes() for path in files} == files
    assert unchanged.versions() == versions
    assert {name: unchanged.metadata(name) for name in REUSED} == figures


def test_nothing_is_written_beside_the_files_of_the_assets(unchanged):
    hidden = [p.name for p in unchanged.data.iterdir() if p.name.startswith(".")]
    assert [name for name in hidden if not name.endswith(".lock")] == [".owner.json"]


def test_a_stage_whose_inputs_come_out_the_same_is_reused(ran, sample_rows, tmp_path):
    write_dump(tmp_path / "dump.csv", sample_rows[:60][::-1])
    assert reused(ran) == REUSED - {"raw_news"}


def test_another_dump_reuses_nothing(ran, sample_rows, tmp_path):
    before = pq.read_metadata(ran.data / "raw_news.parquet").num_rows
    write_dump(tmp_path / "dump.csv", sample_rows[:70])
    assert reused(ran) == set()
    assert pq.read_metadata(ran.data / "raw_news.parquet").num_rows > before


def test_other_parameters_recompute_what_depends_on_them(ran):
    other = {"hdbscan_labels": {"min_samples": 2}}
    assert reused(ran, other) == {"raw_news", "parameter_sweep", "parameter_plot"}
    assert reused(ran, other) == REUSED


def test_other_code_reuses_nothing(ran, monkeypatch):
    real = dg.AssetsDefinition.code_versions_by_key.fget
    other = property(lambda asset: dict.fromkeys(real(asset), "other code"))
    monkeypatch.setattr(dg.AssetsDefinition, "code_versions_by_key", other)
    assert reused(ran) == set()


@pytest.mark.parametrize("names", [TABLES, {"near_duplicates"}, {"rejected_rows"}])
@pytest.mark.parametrize("damage", ["changed", "removed", "broken"])
def test_tables_that_were_touched_are_made_again(unchanged, names, damage):
    right = {path: path.read_bytes() for path in (unchanged.data / f"{n}.parquet" for n in names)}
    for path in right:
        if damage == "changed":
            table = pq.read_table(path)
            pq.write_table(table.replace_schema_metadata({"other": "metadata"}), path)
        elif damage == "removed":
            path.unlink()
        else:
            path.write_bytes(right[path][:-100])
    makers = names if names == TABLES else {"raw_news"}
    assert reused(unchanged) == REUSED - makers
    assert {path: path.read_bytes() for path in right} == right


def test_pages_that_were_touched_are_made_again(unchanged):
    paths = [unchanged.data / f"{name}.html" for name in PAGES]
    io = HtmlIO(folder=unchanged.resources["folder"])
    right = [io.read(path) for path in paths]
    for path, page in zip(paths, right, strict=True):
        path.write_text(page.replace("<", "(", 1), encoding="utf-8")
    assert reused(unchanged) == TABLES
    assert [io.read(path) for path in paths] == right


def test_labels_that_are_not_in_the_history_are_named_again(ran):
    (ran.data / "story_lineage.parquet").unlink()
    # The map shows the history, too, which is another one now.
    assert reused(ran) == REUSED - {"hdbscan_labels", "cluster_plot"}


def test_figures_that_compare_with_the_last_run_are_updated_on_reuse(ran):
    ran.run({"hdbscan_labels": {"min_samples": 1}})
    assert ran.metadata("story_quality")["agreement_with_last_run"] < 1
    assert "story_quality" in reused(ran, {"hdbscan_labels": {"min_samples": 1}})
    assert ran.metadata("story_quality")["agreement_with_last_run"] == 1
    shared = ran.metadata("story_quality")["shared_with_last_run"]
    assert shared == ran.metadata("raw_news")["dagster/row_count"]


def test_a_model_is_asked_for_titles_again(ran):
    folder = DataFolder(path=str(ran.data))
    ran.resources["titles"] = Titles(model="m", base_url="http://127.0.0.1:9", folder=folder)
    assert "stories" not in reused(ran)


def test_another_data_folder_reuses_nothing(ran, tmp_path):
    elsewhere = DataFolder(path=str(tmp_path / "elsewhere"))
    ran.resources |= {"folder": elsewhere, "milvus": Milvus(folder=elsewhere)}
    assert reused(ran) == set()
    assert (tmp_path / "elsewhere" / "cluster_plot.html").exists()
