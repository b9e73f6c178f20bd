"""The index and the backend follow from the size and the settings."""

import pytest

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.store.indexes import Index, choose


@pytest.mark.parametrize(
    ("documents", "server", "kind", "backend"),
    [
        (0, False, "FLAT", "faiss"),
        (200_000, False, "FLAT", "faiss"),
        (200_001, False, "IVF_FLAT", "faiss"),
        (50_000, True, "FLAT", "milvus"),
        (50_001, True, "HNSW", "milvus"),
    ],
)
def test_by_default_the_search_is_exact_up_to_a_size(documents, server, kind, backend):
    chosen = choose(documents, server)
    assert (chosen.kind, chosen.backend, chosen.exact) == (kind, backend, kind == "FLAT")


@pytest.mark.parametrize(
    ("kind", "server", "backend"),
    [
        ("FLAT", False, "faiss"),
        ("ivf_flat", False, "faiss"),
        ("HNSW", False, "milvus"),  # not searched by faiss
        ("AUTOINDEX", False, "milvus"),
        ("FLAT", True, "milvus"),
        ("IVF_FLAT", True, "milvus"),
    ],
)
def test_the_kind_decides_the_backend(kind, server, backend):
    chosen = choose(10, server, kind)
    assert (chosen.kind, chosen.backend) == (kind.upper(), backend)


def test_milvus_lite_can_be_set_to_search_itself():
    assert choose(10, server=False, backend="milvus") == Index("FLAT", "milvus")
    assert choose(10**6, server=False, backend="milvus").kind == "HNSW"


def test_milvus_builds_no_index_if_faiss_searches():
    chosen = choose(10**6, server=False)
    assert (chosen.stored.kind, chosen.stored.backend) == ("FLAT", "milvus")
    assert choose(10**6, server=True).stored.kind == "HNSW"


@pytest.mark.parametrize(
    ("documents", "cells", "searched"),
    [(10**6, 4096, 128), (300_000, 2048, 64), (100, 32, 16), (1, 4, 4)],
)
def test_the_number_of_cells_grows_with_the_square_root_of_the_documents(
    documents, cells, searched
):
    assert choose(documents, True, "IVF_FLAT").build == {"nlist": cells}
    assert choose(documents, True, "IVF_FLAT").search == {"nprobe": searched}
    assert choose(documents, False, "IVF_FLAT").build == {"nlist": cells}


def test_faiss_measures_how_many_cells_it_has_to_search_unless_that_is_set():
    assert choose(10**6, False).search == {}
    assert choose(10**6, False, "IVF_FLAT", '{"nprobe": 8}').search == {"nprobe": 8}


def test_parameters_replace_the_defaults():
    chosen = choose(10, True, "HNSW", '{"ef": 512, "M": 32}')
    assert chosen.build == {"M": 32, "efConstruction": 200}
    assert chosen.search == {"ef": 512}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "DISKANN"}, r"`milvus.index`=DISKANN: must be one of FLAT, IVF_FLAT, HNSW"),
        ({"backend": "numpy"}, r"`milvus.search`=numpy: must be one of auto, milvus, faiss"),
        ({"backend": "faiss", "server": True}, r"`milvus.search`=faiss: .*server.*Unset"),
        ({"backend": "faiss", "kind": "HNSW"}, r"`milvus.search`=faiss: .*`milvus.index`=HNSW"),
        ({"params": "ef=3"}, r"`milvus.index_params`=ef=3: must be a JSON object"),
        ({"params": "[3]"}, r"`milvus.index_params`.*JSON object"),
        ({"params": '{"ef": 0}', "kind": "HNSW"}, r"`milvus.index_params`.*positive integers"),
        ({"params": '{"ef": true}', "kind": "HNSW"}, r"`milvus.index_params`.*positive integers"),
        (
            {"params": '{"nprobe": 3}', "kind": "HNSW"},
            r"nprobe is not a parameter of HNSW, which has M",
        ),
        ({"params": '{"nprobe": 3}', "kind": "FLAT"}, r"not a parameter of FLAT, which has none"),
    ],
)
def test_invalid_arguments_are_named(arguments, message):
    with pytest.raises(SettingError, match=message):
        choose(10, **({"server": False} | arguments))
