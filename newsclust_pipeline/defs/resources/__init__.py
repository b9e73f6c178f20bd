"""What the pipeline runs on. Each resource only holds configuration; the stages do the work."""

from newsclust_pipeline.defs.resources.data_folder import StoryHistory
from newsclust_pipeline.defs.resources.embedder import Embedder
from newsclust_pipeline.defs.resources.milvus import Milvus
from newsclust_pipeline.defs.resources.news import SAMPLE, NewsDumps
from newsclust_pipeline.defs.resources.titles import Titles

__all__ = ["SAMPLE", "Embedder", "Milvus", "NewsDumps", "StoryHistory", "Titles"]
