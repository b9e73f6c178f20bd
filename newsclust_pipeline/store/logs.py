"""Logs of pymilvus and Milvus Lite, which print tracebacks of calls that the pipeline retries."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("pymilvus", "milvus_lite", "grpc")


@contextmanager
def silenced() -> Iterator[None]:
    """Suppress these logs. pymilvus sets their levels when it is imported, so import it before."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
