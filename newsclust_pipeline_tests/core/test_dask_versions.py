"""The versions that must be equal in the run and on its workers."""

import platform

from newsclust_pipeline.core.dask_versions import difference, versions, versions_by_value


def test_versions_are_those_of_python_this_package_and_what_computes():
    found = versions()
    assert found["Python"] == platform.python_version()
    assert {"newsclust_pipeline", "numpy", "scipy", "numba", "faiss-cpu", "umap-learn"} <= set(
        found
    )
    assert "(code " in found["newsclust_pipeline"]
    assert versions_by_value()() == found


def test_a_difference_is_named_and_others_are_counted():
    expected = {"Python": "3.11.1", "numpy": "2.1", "scipy": "1.15"}
    text = difference({"Python": "3.11.1", "scipy": "1.14"}, expected)
    assert text.startswith(
        "has numpy not installed, the run has 2.1, and 1 more differ. Install the same"
    )
    only = difference(expected | {"numpy": "2.0"}, expected)
    assert only.startswith("has numpy 2.0, the run has 2.1. Install")
