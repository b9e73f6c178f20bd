"""Calls to Milvus that are repeated while they fail for a temporary reason.

A server may be down, restart or be slow. Every call that the pipeline makes may be repeated: it
leaves the same state behind, however often it runs.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from newsclust_pipeline.core.errors import CollectionError

T = TypeVar("T")
TranslateError = Callable[[Exception], CollectionError]

# What a server answers while it starts, restarts, moves or is overloaded: gRPC's codes by name,
# Milvus's own by number (pkg/util/merr/errors.go in its source).
_TRANSIENT = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", 1, 2, 4, 8, 12, 101, 103, 106, 202, 305, 400, 401}
    | {500, 501, 503, 600, 601, 602, 901, 902, 903, 904, 905, 906, 1002, 65_535}
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0  # seconds


def retry(call: Callable[[], T], translate_error: TranslateError, patience: float) -> T:
    """Make a call, and repeat it while it fails for a temporary reason.

    Args:
        call: takes no arguments.
        translate_error: returns the error to raise for an exception of pymilvus or gRPC.
        patience: seconds after the first failure during which the call is repeated. The call may
            have worked for a long time before it failed.

    Raises:
        CollectionError: the call failed for good.
    """
    import grpc
    from pymilvus.exceptions import MilvusException

    end, pause = None, _FIRST_PAUSE
    while True:
        try:
            return call()
        except (MilvusException, grpc.RpcError) as error:
            end = end or time.monotonic() + patience
            if time.monotonic() + pause > end or not is_transient(error):
                raise translate_error(error) from error
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def error_code(error: BaseException) -> str | int:
    """Return gRPC's code by name, or else Milvus's number."""
    cause = error.__cause__
    if cause is not None and cause is not error and hasattr(cause, "code"):
        return error_code(cause)  # a failed connection: only the cause has a code that says why
    code: Any = getattr(error, "code", 0)
    code = code() if callable(code) else code
    return str(getattr(code, "name", "")) or int(code)


def is_transient(error: BaseException) -> bool:
    """Return True if the same call may succeed later."""
    from pymilvus.exceptions import MilvusException

    # pymilvus's own errors, about arguments for example, are subclasses, and all have code 1.
    from_server = type(error) is MilvusException or not isinstance(error, MilvusException)
    bug_in_pymilvus = "Unexpected error, message=<" in str(error)
    return from_server and not bug_in_pymilvus and error_code(error) in _TRANSIENT


def brief_message(error: BaseException) -> str:
    """Return the first line of an error's own message, without the codes around it."""
    details = getattr(error, "details", None)
    message = details() if callable(details) else getattr(error, "message", "")
    return str(message or error).split("\n")[0]
