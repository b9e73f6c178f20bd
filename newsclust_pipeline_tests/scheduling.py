"""Which worker of pytest-xdist runs which files, and in which order."""

from xdist.scheduler import LoadFileScheduling

# Files of one entry are run by one worker, so that they share a Milvus server. Entries that take
# longest are first: no worker is to be left alone with one of them at the end. So are those that
# mostly wait: other workers have the processor meanwhile.
FIRST = (
    ("store/test_ownership.py", "store/test_collection.py", "store/test_schema.py",
     "store/test_client.py", "store/test_manifest.py"),
    ("store/test_server.py", "search/test_knn.py", "test_pipeline_on_server.py"),
    ("defs/test_daemon.py",),
    ("test_pipeline.py",),
    ("defs/test_ui.py",),
    ("viz/test_layout_browser.py",),
    ("test_concurrent_runs.py",),
)  # fmt: skip
_PLACES = {file: place for place, files in enumerate(FIRST) for file in files}


class FileScheduling(LoadFileScheduling):
    """Give the files of an entry, or a single file, to the worker that has least to do."""

    def __init__(self, config, log):
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by the number of tests

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return _PLACES.get(name_of(file), file)


def name_of(nodeid):
    """Return the path of a test's file in this package."""
    return nodeid.partition("::")[0].partition("newsclust_pipeline_tests/")[2]


def order(items):
    """Sort tests by `FIRST`; all others follow in the order in which they were collected."""
    items.sort(key=lambda item: _PLACES.get(name_of(item.nodeid), len(FIRST)))
