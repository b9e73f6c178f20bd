"""Only temporary failures are repeated, and only for a while."""

import pytest
from pymilvus.exceptions import MilvusException, ParamError

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store.retries import is_transient, retry

BUSY = MilvusException(code=8, message="rate limit")


def failing(errors):
    """Return a function that raises these errors, one per call, and then returns its calls."""
    calls = []

    def call():
        calls.append(1)
        if len(calls) <= len(errors):
            raise errors[len(calls) - 1]
        return len(calls)

    return call


def translate(error):
    return CollectionError(f"translated: {error.message}")


def test_a_call_is_repeated_until_it_succeeds():
    assert retry(failing([BUSY, BUSY]), translate, patience=10) == 3


def test_without_patience_a_call_is_made_once():
    with pytest.raises(CollectionError, match="translated: rate limit"):
        retry(failing([BUSY]), translate, patience=0)


@pytest.mark.parametrize(
    "error",
    [MilvusException(code=1100, message="invalid name"), ParamError(message="wrong type")],
    ids=["the server refuses", "pymilvus refuses"],
)
def test_a_permanent_failure_is_not_repeated(error):
    call = failing([error])
    with pytest.raises(CollectionError):
        retry(call, translate, patience=10)
    assert call() == 2


def test_an_exception_inside_pymilvus_is_not_transient():
    assert is_transient(BUSY)
    assert not is_transient(MilvusException(code=1, message="Unexpected error, message=<bug>"))


def test_other_exceptions_pass_through():
    with pytest.raises(ZeroDivisionError):
        retry(lambda: 1 / 0, translate, patience=10)
