"""A folder in a store, for the tests of what reads and writes there."""

import pytest

from newsclust_pipeline.core.locations import parse_location


@pytest.fixture(params=["s3", "memory"])
def root(request):
    address = "memory://news/data"
    if request.param == "s3":
        address = f"{request.getfixturevalue('bucket')}/data"
    location = parse_location(address, "data_dir")
    yield location
    if request.param == "memory":
        location.fs.rm(location.path, recursive=True)
