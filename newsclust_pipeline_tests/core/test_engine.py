"""Partitions in this process, and arrays in files."""

import os
import pickle

import numpy as np
import pytest

from newsclust_pipeline.core.engine import IN_PROCESS, ON_WORKER, ArrayFile, threads


def times(number, factor):
    return number * factor


def add(one, other):
    return one + other


def test_results_come_in_order_and_partitions_are_taken_one_by_one():
    taken = []

    def numbers():
        for number in range(3):
            taken.append(number)
            yield number

    results = IN_PROCESS.map(times, numbers(), 10)
    assert next(results) == 0
    assert taken == [0]
    assert list(results) == [10, 20]


def test_results_are_merged():
    assert IN_PROCESS.reduce(times, add, [1, 2, 3], 10) == 60


def test_an_array_is_shared_as_it_is():
    array = np.arange(3)
    assert IN_PROCESS.share(array) is array


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_an_array_in_a_file_is_read_by_rows(tmp_path, dtype):
    array = np.arange(12, dtype=dtype).reshape(6, 2)
    pickled = pickle.dumps(ArrayFile.write(array[::-1], tmp_path / "array"))
    file = pickle.loads(pickled)  # noqa: S301
    assert len(file) == 6
    for rows in (slice(1, 4), np.array([5, 0, 5]), 2):
        read = file[rows]
        assert type(read) is np.ndarray
        assert read.base is None  # nothing stays mapped
        np.testing.assert_array_equal(read, array[::-1][rows])


def test_a_function_on_a_worker_starts_one_thread():
    assert threads() == os.cpu_count()
    token = ON_WORKER.set(True)
    try:
        assert threads() == 1
    finally:
        ON_WORKER.reset(token)
