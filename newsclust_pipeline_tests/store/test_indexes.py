"""Settings and size → how neighbours are searched."""

import pytest

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.store.indexes import Index, choose


@pytest.mark.parametrize(
    ("documents", "server", "kind", "road"),
    [
        (0, False, "FLAT", "faiss"),
        (200_000, False, "FLAT", "faiss"),
        (200_001, False, "IVF_FLAT", "faiss"),
        (50_000, True, "FLAT", "milvus"),
        (50_001, True, "HNSW", "milvus"),
    ],
)
def test_unset_the_search_is_exact_until_that_takes_too_long(documents, server, kind, road):
    chosen = choose(documents, server)
    assert (chosen.kind, chosen.road, chosen.exact) == (kind, road, kind == "FLAT")


@pytest.mark.parametrize(
    ("kind", "server", "road"),
    [
        ("FLAT", False, "faiss"),
        ("ivf_flat", False, "faiss"),
        ("HNSW", False, "milvus"),  # Milvus Lite's own
        ("AUTOINDEX", False, "milvus"),
        ("FLAT", True, "milvus"),
        ("IVF_FLAT", True, "milvus"),
    ],
)
def test_the_kind_can_be_set_and_finds_who_searches_it(kind, server, road):
    chosen = choose(10, server, kind)
    assert (chosen.kind, chosen.road) == (kind.upper(), road)


def test_milvus_lite_can_be_told_to_search_itself():
    assert choose(10, server=False, road="milvus") == Index("FLAT", "milvus")
    assert choose(10**6, server=False, road="milvus").kind == "HNSW"


def test_milvus_keeps_no_index_that_faiss_searches():
    chosen = choose(10**6, server=False)
    assert (chosen.stored.kind, chosen.stored.road) == ("FLAT", "milvus")
    assert choose(10**6, server=True).stored.kind == "HNSW"


@pytest.mark.parametrize(
    ("documents", "cells", "searched"), [(10**6, 2048, 64), (100, 32, 16), (1, 4, 4)]
)
def test_cells_grow_with_the_root_of_the_documents(documents, cells, searched):
    chosen = choose(documents, False, "IVF_FLAT")
    assert chosen.build == {"nlist": cells}
    assert chosen.search == {"nprobe": searched}


def test_parameters_that_are_given_replace_the_defaults():
    chosen = choose(10, True, "HNSW", '{"ef": 512, "M": 32}')
    assert chosen.build == {"M": 32, "efConstruction": 200}
    assert chosen.search == {"ef": 512}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"kind": "DISKANN"}, r"MILVUS_INDEX=DISKANN: must be one of FLAT, IVF_FLAT, HNSW"),
        ({"road": "numpy"}, r"NEWSCLUST_SEARCH=numpy: must be one of auto, milvus, faiss"),
        ({"road": "faiss", "server": True}, r"NEWSCLUST_SEARCH=faiss: .*server.*Unset"),
        ({"road": "faiss", "kind": "HNSW"}, r"NEWSCLUST_SEARCH=faiss: .*MILVUS_INDEX=HNSW"),
        ({"params": "ef=3"}, r"MILVUS_INDEX_PARAMS=ef=3: must be a JSON object"),
        ({"params": "[3]"}, r"MILVUS_INDEX_PARAMS.*JSON object"),
        ({"params": '{"ef": 0}', "kind": "HNSW"}, r"MILVUS_INDEX_PARAMS.*whole numbers"),
        ({"params": '{"ef": true}', "kind": "HNSW"}, r"MILVUS_INDEX_PARAMS.*whole numbers"),
        ({"params": '{"nprobe": 3}', "kind": "HNSW"}, r"nprobe is no parameter of HNSW. It has M"),
        ({"params": '{"nprobe": 3}', "kind": "FLAT"}, r"no parameter of FLAT. It has none"),
    ],
)
def test_settings_that_mean_nothing_are_named(settings, says):
    with pytest.raises(SettingError, match=says):
        choose(10, **({"server": False} | settings))
