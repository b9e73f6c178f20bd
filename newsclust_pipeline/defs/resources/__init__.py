"""What the pipeline runs on. Resources hold configuration and paths; the stages do the work."""

from newsclust_pipeline.defs.alerts.resource import Alerts
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.defs.resources.embedder import Embedder
from newsclust_pipeline.defs.resources.engine import Engine
from newsclust_pipeline.defs.resources.feeds import Feeds
from newsclust_pipeline.defs.resources.milvus import Milvus
from newsclust_pipeline.defs.resources.news import SAMPLE, NewsDumps
from newsclust_pipeline.defs.resources.previous_run import PreviousRun
from newsclust_pipeline.defs.resources.run_guard import RunGuard
from newsclust_pipeline.defs.resources.titles import Titles

__all__ = [
    "SAMPLE",
    "Alerts",
    "DataFolder",
    "Embedder",
    "Engine",
    "Feeds",
    "Milvus",
    "NewsDumps",
    "PreviousRun",
    "RunGuard",
    "Titles",
]
