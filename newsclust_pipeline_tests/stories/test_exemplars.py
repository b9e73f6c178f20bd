"""The document that stands for each story, also if many stories are divided into parts."""

import numpy as np
import pytest

from newsclust_pipeline.core.engine import IN_PROCESS
from newsclust_pipeline.stories import exemplars as module
from newsclust_pipeline.stories.exemplars import exemplars


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def stories(count, seed=0):
    """Stories of 3 to 7 documents and some noise, in no order: arguments of `exemplars`."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(-1, count), rng.integers(3, 8, size=count + 1))
    rng.shuffle(labels)
    titles = [f"Bridge {label} opens after repairs number {n}" for n, label in enumerate(labels)]
    keywords = [["bridge", str(label)] for label in range(count)]
    vectors = unit(rng.normal(size=(len(labels), 12)))
    return titles, labels, vectors, keywords, np.ones(len(labels), dtype=bool)


def test_the_exemplar_has_the_least_sum_of_squared_distances_to_the_others():
    titles, labels, vectors, keywords, in_main = stories(20)
    squares = ((vectors[:, None].astype(float) - vectors[None]) ** 2).sum(axis=2)
    for label, row in enumerate(exemplars(titles, labels, vectors, keywords, in_main)):
        members = np.flatnonzero(labels == label)
        assert row == members[squares[np.ix_(members, members)].sum(axis=1).argmin()]


def test_a_document_in_another_language_is_passed_over():
    titles, labels, vectors, keywords, in_main = stories(5)
    first = exemplars(titles, labels, vectors, keywords, in_main)
    in_main[first] = False
    second = exemplars(titles, labels, vectors, keywords, in_main)
    assert all(labels[row] == label for label, row in enumerate(second))
    assert not set(first) & set(second)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_the_size_of_the_parts_changes_nothing(block, monkeypatch):
    given = stories(40)
    expected = exemplars(*given)
    monkeypatch.setattr(module, "_BLOCK", block)
    assert exemplars(*given) == expected


@pytest.mark.slow
def test_workers_choose_the_same_documents(engine, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 8)
    given = stories(40)
    assert exemplars(*given, engine=engine) == exemplars(*given, engine=IN_PROCESS)


def test_without_stories_there_is_none():
    none = np.full(3, -1)
    assert exemplars(["a", "b", "c"], none, unit(np.eye(3)), [], np.ones(3, dtype=bool)) == []
