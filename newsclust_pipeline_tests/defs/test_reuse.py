"""What would come out the same is not made again; whatever could change it has it made anew."""

import json

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.defs import materialize as reuse
from newsclust_pipeline.defs.resources import Titles
from newsclust_pipeline_tests.conftest import write_dump

TABLES = {"raw_news", "hdbscan_labels", "stories", "parameter_sweep", "documents", "story_quality"}
PAGES = {"cluster_plot", "parameter_plot"}
REUSED = TABLES | PAGES
SAID = "Inputs, config and code are as they were"


@pytest.fixture
def ran(pipeline, sample_rows):
    """A pipeline that has run on sixty articles."""
    made = pipeline(sample_rows[:60])
    assert made.run().success
    return made


def reused(made, config=None):
    """Run again; tell which assets gave their last table."""
    done = made.run(config)
    assert done.success
    records = made.instance.all_logs(done.run_id)
    return {r.step_key for r in records if r.user_message.startswith(SAID)}


def test_a_rerun_with_nothing_new_makes_none_of_them_again(ran):
    files = {p: p.read_bytes() for p in ran.data.iterdir() if p.stem in REUSED}
    assert reused(ran) == REUSED
    versions, figures = ran.versions(), {name: ran.metadata(name) for name in REUSED}
    assert reused(ran) == REUSED
    assert {path: path.read_bytes() for path in files} == files
    assert ran.versions() == versions
    assert {name: ran.metadata(name) for name in REUSED} == figures


def test_inputs_that_come_out_the_same_count_as_the_same(ran, sample_rows, tmp_path):
    write_dump(tmp_path / "dump.csv", sample_rows[:60][::-1])
    assert reused(ran) == REUSED - {"raw_news"}


def test_another_dump_has_everything_made_anew(ran, sample_rows, tmp_path):
    before = pq.read_metadata(ran.data / "raw_news.parquet").num_rows
    write_dump(tmp_path / "dump.csv", sample_rows[:70])
    assert reused(ran) == set()
    assert pq.read_metadata(ran.data / "raw_news.parquet").num_rows > before


def test_other_parameters_have_made_anew_what_they_are_for(ran):
    assert reused(ran, {"hdbscan_labels": {"min_samples": 2}}) == {
        "raw_news",
        "parameter_sweep",
        "parameter_plot",
    }
    assert reused(ran, {"hdbscan_labels": {"min_samples": 2}}) == REUSED


def test_other_code_has_everything_made_anew(ran, monkeypatch):
    monkeypatch.setattr(reuse, "_code", lambda: "another release")
    assert reused(ran) == set()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_that_was_touched_is_made_anew(ran, name):
    path = ran.data / f"{name}.parquet"
    right = path.read_bytes()
    pq.write_table(pq.read_table(path).slice(1), path)
    assert name not in reused(ran)
    assert path.read_bytes() == right


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_that_was_touched_is_made_anew(ran, name):
    path = ran.data / f"{name}.html"
    right = ran.resources["html_io"].read(path)
    path.write_text(right.replace("<", "(", 1), encoding="utf-8")
    assert name not in reused(ran)
    assert ran.resources["html_io"].read(path) == right


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"made_of": 1}'])
def test_a_table_without_a_note_is_made_anew(ran, content):
    note = ran.data / ".raw_news.made_of.json"
    if content is None:
        note.unlink()
    else:
        note.write_text(content)
    assert reused(ran) == REUSED - {"raw_news"}
    assert json.loads(note.read_text())["made_of"]


@pytest.mark.parametrize("beside", ["rejected_rows", "near_duplicates"])
def test_what_raw_news_writes_beside_its_table_comes_back(ran, beside):
    (ran.data / f"{beside}.parquet").unlink()
    assert reused(ran) == REUSED - {"raw_news"}
    assert (ran.data / f"{beside}.parquet").exists()


def test_labels_whose_names_the_history_doesnt_know_are_named_anew(ran):
    (ran.data / "story_lineage.parquet").unlink()
    assert reused(ran) == REUSED - {"hdbscan_labels"}


def test_the_figures_that_compare_with_the_last_run_are_todays(ran):
    ran.run({"hdbscan_labels": {"min_samples": 1}})
    assert ran.metadata("story_quality")["agreement_with_last_run"] < 1
    assert "story_quality" in reused(ran, {"hdbscan_labels": {"min_samples": 1}})
    assert ran.metadata("story_quality")["agreement_with_last_run"] == 1
    shared = ran.metadata("story_quality")["shared_with_last_run"]
    assert shared == ran.metadata("raw_news")["dagster/row_count"]


def test_titles_of_a_model_are_asked_for_again(ran):
    ran.resources["titles"] = Titles(model="m", base_url="http://127.0.0.1:9", data_dir="")
    assert "stories" not in reused(ran)


def test_figures_come_back_as_they_were(tmp_path):
    made = dg.MaterializeResult(
        value=pa.table({"x": [1]}),
        metadata={"n": 1, "share": 0.5, "warnings": ["odd"], "told": dg.MetadataValue.md("**it**")},
    )
    reuse._write(tmp_path / "note", "these", made)
    told = reuse._read(tmp_path / "note")
    assert dg.deserialize_value(told["figures"]) == made.metadata
