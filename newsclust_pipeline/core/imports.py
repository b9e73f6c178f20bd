"""Imports that need special care."""

import os


def import_pymilvus() -> None:
    """Import pymilvus, which must not see MILVUS_URI.

    It reads that variable when it is imported, and fails if the variable names a file.
    """
    ours = os.environ.pop("MILVUS_URI", None)
    os.environ["MILVUS_URI"] = ""  # set, or it would be looked up in a file .env
    try:
        import pymilvus  # noqa: F401
    finally:
        del os.environ["MILVUS_URI"]
        if ours is not None:
            os.environ["MILVUS_URI"] = ours
