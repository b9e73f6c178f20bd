"""Inputs of several runs are refused, by what Dagster recorded and by the documents themselves."""

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.defs.inputs import InputsError, require_same_documents, require_same_run
from newsclust_pipeline.search.graph import Neighbours


def graph(versions, instance, selection=None):
    """Run raw_news → labels → stories, each with the given version."""

    def asset(name, *deps):
        @dg.asset(name=name, deps=list(deps))
        def made():
            return dg.MaterializeResult(data_version=dg.DataVersion(versions[name]))

        return made

    assets = [asset("raw_news"), asset("labels", "raw_news"), asset("stories", "labels")]
    return dg.materialize(assets, instance=instance, selection=selection).run_id


def check(instance, *inputs, run_id="this run"):
    require_same_run(instance, run_id, "map", [dg.AssetKey(name) for name in inputs])


OLD, NEW = (dict.fromkeys(("raw_news", "labels", "stories"), version) for version in ("1", "2"))


def test_inputs_of_one_run_belong_together():
    instance = dg.DagsterInstance.ephemeral()
    graph(OLD, instance)
    check(instance, "raw_news", "labels", "stories")


@pytest.mark.parametrize("remade", ["raw_news", "labels"])
def test_an_input_that_was_made_from_an_outdated_one_is_refused_naming_both_runs(remade):
    instance = dg.DagsterInstance.ephemeral()
    first = graph(OLD, instance)
    second = graph(NEW, instance, selection=[remade])
    outdated = {"raw_news": "labels", "labels": "stories"}[remade]
    with pytest.raises(InputsError) as error:
        check(instance, "stories")
    assert f"{outdated} (run {first[:8]}) does not belong to {remade} (run {second[:8]})" in str(
        error.value
    )
    assert "dagster asset materialize --select '+map'" in str(error.value)


def test_an_input_that_was_made_again_with_the_same_content_is_fine():
    instance = dg.DagsterInstance.ephemeral()
    graph(OLD, instance)
    graph(OLD, instance, selection=["raw_news"])
    check(instance, "stories")


def test_inputs_of_the_current_run_were_checked_when_they_were_made():
    instance = dg.DagsterInstance.ephemeral()
    graph(OLD, instance)
    run_id = graph(NEW, instance, selection=["stories"])
    check(instance, "stories", run_id=run_id)


def test_what_was_never_recorded_is_not_refused():
    check(dg.DagsterInstance.ephemeral(), "raw_news", "labels")


def documents(*ids):
    return pa.table({"doc_id": list(ids)})


def test_inputs_with_other_documents_are_refused_where_nothing_was_recorded():
    neighbours = Neighbours(np.array(["b", "a"]), np.zeros((2, 1)), np.zeros((2, 1)), 1)
    same = {"raw_news": documents("a", "b"), "matrix": neighbours, "config": object()}
    require_same_documents("map", same)
    with pytest.raises(InputsError, match="map: matrix has 2 documents, labels 3, and they are"):
        require_same_documents("map", same | {"labels": documents("a", "b", "c")})
    with pytest.raises(InputsError, match="matrix has 2 documents, labels 2"):
        require_same_documents("map", same | {"labels": documents("a", "c")})
    with pytest.raises(InputsError, match="raw_news has 1 documents, matrix 2"):
        require_same_documents("map", same | {"raw_news": documents("a")})


def test_articles_without_a_vector_are_no_difference():
    articles, labels = documents("a", "b", "rejected"), documents("b", "a")
    require_same_documents("map", {"raw_news": articles, "labels": labels})


def test_tables_beside_the_documents_may_hold_others():
    require_same_documents("map", {"raw_news": documents("a"), "gold_labels": documents("z")})


def test_stories_of_other_labels_are_refused():
    labels = pa.table({"doc_id": ["a", "b"], "label": [0, 0], "story_id": ["s", "s"]})
    row = {"story_id": "s", "label": 0, "size": 2, "exemplar_doc_id": "a"}
    inputs = {"hdbscan_labels": labels, "stories": pa.Table.from_pylist([row])}
    require_same_documents("map", inputs)
    inputs["stories"] = pa.Table.from_pylist([row | {"size": 3}])
    with pytest.raises(InputsError, match="2 differ in id, label or size"):
        require_same_documents("map", inputs)
