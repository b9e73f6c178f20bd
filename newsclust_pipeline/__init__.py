"""A news feed turned into stories. `dagster … -m newsclust_pipeline` finds the definitions here."""

from newsclust_pipeline.definitions import defs

__all__ = ["defs"]
