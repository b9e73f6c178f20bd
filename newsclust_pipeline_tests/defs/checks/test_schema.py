"""Every table is checked against its declared schema before it is written."""

import dagster as dg
import pyarrow as pa
import pytest

from newsclust_pipeline.definitions import build_defs
from newsclust_pipeline.defs import assets
from newsclust_pipeline.defs.checks.schema import CHECKS, schema_problems
from newsclust_pipeline.schemas import TABLES, embeddings

ROWS = {
    "stories": pa.table({"story_id": ["s"]}),
    "raw_news": pa.table({"doc_id": ["a", "b"]}),
}
LABELS = pa.table(
    {
        "doc_id": ["a", "b"],
        "label": pa.array([0, -1], pa.int32()),
        "probability": [1.0, 0.0],
        "story_id": ["s", None],
        "persistence": [1.0, None],
        "nearest_story_id": pa.array([None, "s"], pa.string()),
        "nearest_story_strength": [None, 0.5],
        "silhouette": [0.5, 0.0],
        "topic_id": ["s", None],
        "area_id": ["s", None],
    }
)


def test_every_persisted_table_has_the_check_and_it_blocks():
    assert {check.asset for check in CHECKS} == set(TABLES)
    assert {check.name for check in CHECKS} == {"has_declared_schema"}
    assert all(check.blocking for check in CHECKS)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_as_declared_is_fine(name):
    assert schema_problems(name, {name: TABLES[name].schema.empty_table()}) == []


def test_vectors_may_have_any_dimension():
    assert schema_problems("embeddings", {"embeddings": embeddings(7).schema.empty_table()}) == []
    lists = pa.table({"doc_id": ["a"], "embedding": [[1.0]]})
    assert "embedding is list" in schema_problems("embeddings", {"embeddings": lists})[0]


def replaced(name, values):
    return LABELS.set_column(LABELS.schema.get_field_index(name), name, values)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (LABELS.drop_columns("silhouette"), "silhouette is missing"),
        (LABELS.append_column("more", [[1, 2]]), "more is not declared"),
        (replaced("label", pa.array([0, -1])), "label is int64, not int32"),
        (replaced("doc_id", pa.array(["a", "a"])), "doc_id of 1 rows are repeated"),
    ],
    ids=["missing", "undeclared", "type", "key"],
)
def test_what_differs_is_named(table, problem):
    assert schema_problems("hdbscan_labels", {"hdbscan_labels": LABELS}) == []
    assert schema_problems("hdbscan_labels", {"hdbscan_labels": table}) == [problem]


def test_a_missing_value_where_none_may_be_missing_is_named():
    row = {column.name: None for column in TABLES["rejected_rows"].columns}
    nullable = pa.schema([f.with_nullable(True) for f in TABLES["rejected_rows"].schema])
    table = pa.Table.from_pylist([row], nullable)
    assert "reason has 1 nulls" in schema_problems("rejected_rows", {"rejected_rows": table})


def test_a_value_that_refers_to_nothing_is_named():
    declared = TABLES["documents"].schema
    rows = [dict.fromkeys(declared.names) | {"doc_id": i, "story_id": s, "title": "", "text": ""}
            for i, s in (("a", "s"), ("z", "gone"), ("b", None))]  # fmt: skip
    tables = ROWS | {"documents": pa.Table.from_pylist(rows, declared)}
    assert schema_problems("documents", tables) == [
        "1 values of doc_id are not in doc_id of raw_news",
        "1 values of story_id are not in story_id of stories",
    ]


def test_a_run_checks_every_table_and_shows_it(pipeline, sample_rows):
    made = pipeline(sample_rows[:40])
    done = made.run()
    assert done.success
    evaluations = done.get_asset_check_evaluations()
    checked = {e.asset_key.to_user_string() for e in evaluations
               if e.check_name == "has_declared_schema" and e.passed}  # fmt: skip
    assert checked == set(TABLES)


def test_a_table_with_another_schema_is_not_written(pipeline, sample_rows, monkeypatch):
    made = pipeline(sample_rows[:40])
    assert made.run().success
    before = (made.data / "umap_projection.parquet").read_bytes()

    def wrong(*arguments):
        return pa.table({"doc_id": arguments[0], "x": arguments[1][:, 0].astype("float64")})

    monkeypatch.setattr(assets.projection, "positions_table", wrong)
    config = {"umap_projection": {"n_neighbors": 7}}
    done = made.run(config)
    assert not done.success
    message = done.failure_data_for_node("umap_projection").user_failure_data.description
    assert message.startswith("umap_projection does not have its declared schema: x is double")
    assert (made.data / "umap_projection.parquet").read_bytes() == before


def test_a_part_of_the_tables_of_a_stage_can_be_materialised(pipeline, sample_rows):
    made = pipeline(sample_rows[:20])
    job = build_defs(**made.resources).resolve_job_def("__ASSET_JOB")
    keys = [dg.AssetKey("rejected_rows"), dg.AssetKey("gold_labels")]
    done = job.execute_in_process(asset_selection=keys, instance=made.instance)
    assert done.success
    checked = {e.asset_key for e in done.get_asset_check_evaluations()}
    assert checked == set(keys)
    assert not (made.data / "raw_news.parquet").exists()
