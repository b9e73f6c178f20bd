"""What the previous run left, for stages that continue it instead of starting again."""

from typing import Any

import dagster as dg
import pyarrow as pa

from newsclust_pipeline.core.files import exists
from newsclust_pipeline.core.locations import address_of
from newsclust_pipeline.defs.io_managers import CsrIO, ParquetIO
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.stories import lineage


class PreviousRun(dg.ConfigurableResource[Any]):
    """Outputs of the previous run. Each is None, or empty, if there is none that can be read."""

    folder: dg.ResourceDependency[DataFolder]

    def neighbours(self) -> Neighbours | None:
        """Return the neighbours of every document; log why a damaged file is ignored."""
        warn = dg.AssetExecutionContext.get().log.warning
        return CsrIO(folder=self.folder).last("knn_distance_matrix", warn)

    def embeddings(self) -> pa.Table | None:
        """Return the vectors and, in the metadata, how their embedder was chosen."""
        return ParquetIO(folder=self.folder).last("embeddings")

    def positions(self) -> pa.Table | None:
        """Return the positions on the map; log why a damaged file is ignored."""
        warn = dg.AssetExecutionContext.get().log.warning
        return ParquetIO(folder=self.folder).last("umap_projection", warn)

    def quality(self) -> pa.Table | None:
        """Return the table of story_quality."""
        return ParquetIO(folder=self.folder).last("story_quality")

    def history(self) -> pa.Table:
        """Return the history of the stories; log if it was lost. See `lineage.read_history`."""
        path = self.folder.file("story_lineage.parquet")
        if not exists(path) and exists(self.folder.file("digest.md")):
            dg.AssetExecutionContext.get().log.warning(
                f"{address_of(path)} is missing although earlier runs have recorded stories: a new "
                "history begins, and stories may get other ids. Put a backup in its place to "
                "prevent that."
            )
        return lineage.read_history(path)
