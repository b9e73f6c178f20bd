"""Which index and which backend search the neighbours, and with which parameters.

A Milvus server searches its own vectors. Milvus Lite is slow at that: it reads the whole row of
every hit. Its vectors are searched by faiss instead, except with the indexes that faiss doesn't
have here (HNSW and AUTOINDEX).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2
from typing import Any

from newsclust_pipeline.core.errors import SettingError

MILVUS, FAISS = "milvus", "faiss"
KINDS = ("FLAT", "IVF_FLAT", "HNSW", "AUTOINDEX")
BACKENDS = ("auto", MILVUS, FAISS)
_FAISS_KINDS = ("FLAT", "IVF_FLAT")
# Up to these sizes every distance is computed. With 384 dimensions on two cores, faiss takes five
# minutes for its limit and a server eight minutes for its own.
_EXACT_LIMIT = {MILVUS: 50_000, FAISS: 200_000}
_BUILD = {"FLAT": (), "IVF_FLAT": ("nlist",), "HNSW": ("M", "efConstruction"), "AUTOINDEX": ()}
_SEARCH = {"FLAT": (), "IVF_FLAT": ("nprobe",), "HNSW": ("ef",), "AUTOINDEX": ()}


@dataclass(frozen=True)
class Index:
    """An index of the vectors.

    Attributes:
        kind: one of `KINDS`, in Milvus's terms.
        backend: which program searches: "milvus" or "faiss".
        build: parameters for building the index.
        search: parameters for searching it.
    """

    kind: str = "FLAT"
    backend: str = MILVUS
    build: Mapping[str, int] = field(default_factory=dict)
    search: Mapping[str, int] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Whether every distance is computed, so that no neighbour can be missed."""
        return self.kind == "FLAT"

    @property
    def name(self) -> str:
        """Kind and parameters as one string: everything that decides which neighbours are found."""
        return json.dumps([self.kind, {**self.build, **self.search}], sort_keys=True)

    @property
    def stored(self) -> "Index":
        """The index that Milvus builds: none (FLAT) if faiss searches."""
        return self if self.backend == MILVUS else Index()


def choose(
    documents: int, server: bool, kind: str = "", params: str = "", backend: str = ""
) -> Index:
    """Choose the index for a number of documents.

    By default it is exact up to a size at which that takes minutes, and approximate beyond: HNSW on
    a server, IVF_FLAT by faiss.

    Args:
        documents: how many will be searched.
        server: whether Milvus is a server (else Milvus Lite).
        kind: one of `KINDS`; empty: by size.
        params: a JSON object of parameters that replace the defaults.
        backend: one of `BACKENDS`; empty: auto.

    Raises:
        SettingError: an argument is invalid, or two of them contradict each other.
    """
    kind, backend = kind.upper(), backend.lower() or "auto"
    _one_of("milvus.index", kind, ("", *KINDS))
    _one_of("milvus.search", backend, BACKENDS)
    if backend == FAISS and server:
        raise SettingError(
            "`milvus.search`=faiss: only for Milvus Lite; a server searches its own vectors. "
            "Unset it."
        )
    if not kind:
        kind = _kind_for(documents, server, backend)
    if backend == FAISS and kind not in _FAISS_KINDS:
        raise SettingError(
            f"`milvus.search`=faiss: has {' and '.join(_FAISS_KINDS)}, not `milvus.index`={kind}. "
            "Unset one of the two."
        )
    if backend == "auto":
        backend = FAISS if not server and kind in _FAISS_KINDS else MILVUS
    values = _defaults(kind, documents, backend == FAISS) | _parse_params(kind, params)
    build = {name: values[name] for name in _BUILD[kind]}
    search = {name: values[name] for name in _SEARCH[kind] if name in values}
    return Index(kind, backend, build, search)


def _kind_for(documents: int, server: bool, backend: str) -> str:
    if documents <= _EXACT_LIMIT[MILVUS if server else FAISS]:
        return "FLAT"
    return "HNSW" if server or backend == MILVUS else "IVF_FLAT"


def _one_of(parameter: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        choices = ", ".join(filter(None, known))
        raise SettingError(f"`{parameter}`={value}: must be one of {choices}.")


def _defaults(kind: str, documents: int, measured: bool) -> dict[str, int]:
    if kind == "HNSW":
        # Milvus's usual graph. `ef` is far above the number of hits, since recall falls with size.
        return {"M": 16, "efConstruction": 200, "ef": 256}
    if kind == "IVF_FLAT":
        # faiss's rule of thumb, 4·√N cells, as the nearest power of two: with half as many, topics
        # share cells, and many times as many have to be searched. Milvus searches one in 32, faiss
        # as many as it needs.
        cells = 1 << round(log2(max(documents, 1) ** 0.5 * 4))
        return {"nlist": cells} | ({} if measured else {"nprobe": max(cells // 32, min(cells, 16))})
    return {}


def _parse_params(kind: str, params: str) -> dict[str, int]:
    """Return the parameters that the user set."""
    if not params:
        return {}
    allowed = _BUILD[kind] + _SEARCH[kind]
    try:
        values: Any = json.loads(params)
        valid = all(type(value) is int and value > 0 for value in values.values())
    except (ValueError, AttributeError):
        valid = False
    if not valid:
        raise SettingError(
            f"`milvus.index_params`={params}: must be a JSON object of positive integers, such as "
            '{"ef": 512}.'
        )
    unknown = sorted(set(values).difference(allowed))
    if unknown:
        raise SettingError(
            f"`milvus.index_params`: {', '.join(unknown)} is not a parameter of {kind}, which has "
            f"{', '.join(allowed) or 'none'}."
        )
    return dict(values)
