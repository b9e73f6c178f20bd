"""Loops that NumPy can't express, compiled by numba. The next process finds them on disk."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import FunctionType
from typing import Any, TypeVar

Loop = Callable[..., Any]
_F = TypeVar("_F", bound=Callable[..., Any])


def in_any_order(loop: _F) -> _F:
    """Mark a function whose sums may be made in any order, which is several times as fast.

    Only for sums that are exact in every order: others would differ from machine to machine.
    """
    loop.__dict__["fastmath"] = {"reassoc", "nsz"}
    return loop


@cache
def compiled(loop: Loop) -> Loop:
    """Compile a top-level function for the types that it is called with.

    Functions of the same module that it calls are compiled, too. In functions of other modules
    numba would not notice a change, and would run the old code from the disk.
    """
    from numba import njit

    jit: Any = njit
    fastmath = loop.__dict__.get("fastmath", False)
    loop = _with_compiled_helpers(loop)
    try:
        cached: Loop = jit(loop, cache=True, fastmath=fastmath)
    except RuntimeError:  # neither the folder of the package nor the user's cache is writable
        cached = jit(loop, fastmath=fastmath)
    return cached


def cache_on_disk(*loops: Any) -> None:
    """Let the next process find compiled functions of another package on disk.

    Numba notices a change of the file of a function. The files that it calls are of its package,
    which is installed as a whole.
    """
    with suppress(RuntimeError):  # neither that package nor the user's cache is writable
        for loop in loops:
            loop.enable_caching()


def _with_compiled_helpers(loop: Any) -> Any:
    """Return a copy of a function in whose globals the functions that it calls are compiled."""
    names = {name: loop.__globals__.get(name) for name in loop.__code__.co_names}
    helpers = {
        name: compiled(value)
        for name, value in names.items()
        if isinstance(value, FunctionType) and value.__module__ == loop.__module__
    }
    if not helpers:
        return loop
    copy = FunctionType(loop.__code__, loop.__globals__ | helpers, loop.__name__)
    copy.__module__, copy.__qualname__ = loop.__module__, loop.__qualname__
    copy.__defaults__ = loop.__defaults__
    return copy
