"""An engine that treats partitions as a cluster does, in this process."""

import pickle

from newsclust_pipeline.core.engine import ArrayFile, InProcess


class Pickling(InProcess):
    """Pickles everything that a cluster would send, and merges the last results first.

    Args:
        folder: where arrays are shared; None for workers that don't see the folder.
    """

    is_parallel = True

    def __init__(self, folder=None):
        self.folder = folder

    def map(self, function, partitions, common=None):
        for partition in partitions:
            sent = pickle.dumps((function, partition, common))
            function, partition, common = pickle.loads(sent)  # noqa: S301, PLW2901
            yield pickle.loads(pickle.dumps(function(partition, common)))  # noqa: S301

    def reduce(self, function, merge, partitions, common=None):
        results = list(self.map(function, partitions, common))
        while len(results) > 1:
            results.append(merge(results.pop(), results.pop()))
        return results[0]

    def share(self, array):
        if self.folder is None or not array.size:
            return array
        return ArrayFile.write(array, self.folder / f"{len(list(self.folder.iterdir()))}.bin")
