"""How neighbours are searched: by which index, with which parameters, and by whom.

A Milvus server searches itself. Milvus Lite keeps the vectors, but is slow at searching them (it
reads the whole row of every hit), so faiss, which it brings along, searches them in its stead. Only
the graph and automatic indexes of Milvus Lite are its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from newsclust_pipeline.core.errors import SettingError

MILVUS, FAISS = "milvus", "faiss"
KINDS = ("FLAT", "IVF_FLAT", "HNSW", "AUTOINDEX")
ROADS = ("auto", MILVUS, FAISS)
_BY_FAISS = ("FLAT", "IVF_FLAT")
# Up to these sizes every distance is computed: some five minutes on two cores with 384 dimensions,
# for faiss; a server of that size takes eight.
_EXACT_ON_SERVER, _EXACT_BY_FAISS = 50_000, 200_000
_BUILD = {"FLAT": (), "IVF_FLAT": ("nlist",), "HNSW": ("M", "efConstruction"), "AUTOINDEX": ()}
_SEARCH = {"FLAT": (), "IVF_FLAT": ("nprobe",), "HNSW": ("ef",), "AUTOINDEX": ()}


@dataclass(frozen=True)
class Index:
    """An index of the vectors.

    Attributes:
        kind: one of `KINDS`, in Milvus's terms.
        road: who searches: "milvus" or "faiss".
        build: parameters it is built with.
        search: parameters it is searched with.
    """

    kind: str = "FLAT"
    road: str = MILVUS
    build: Mapping[str, int] = field(default_factory=dict)
    search: Mapping[str, int] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Whether every distance is computed, so that no neighbour can be missed."""
        return self.kind == "FLAT"

    @property
    def name(self) -> str:
        """Kind and parameters in a word: what decides which neighbours are found."""
        return json.dumps([self.kind, {**self.build, **self.search}], sort_keys=True)

    @property
    def stored(self) -> "Index":
        """The index that Milvus keeps: where it doesn't search, it needs none."""
        return self if self.road == MILVUS else Index()


def choose(documents: int, server: bool, kind: str = "", params: str = "", road: str = "") -> Index:
    """Choose the index for so many documents.

    Unset, it is exact up to a size at which that takes minutes, then approximate: HNSW on a server,
    IVF_FLAT by faiss.

    Args:
        documents: how many will be searched.
        server: whether Milvus is a server (else Milvus Lite).
        kind: value of `MILVUS_INDEX`; empty: by size.
        params: value of `MILVUS_INDEX_PARAMS`, a JSON object that replaces defaults by name.
        road: value of `NEWSCLUST_SEARCH`; empty: auto.

    Raises:
        SettingError: a setting has no meaning, or they contradict each other.
    """
    kind, road = kind.upper(), road.lower() or "auto"
    _one_of("MILVUS_INDEX", kind, ("", *KINDS))
    _one_of("NEWSCLUST_SEARCH", road, ROADS)
    if road == FAISS and server:
        raise SettingError(
            "NEWSCLUST_SEARCH=faiss: is for Milvus Lite; a server searches its own vectors. "
            "Unset it."
        )
    if not kind:
        exact = documents <= (_EXACT_ON_SERVER if server else _EXACT_BY_FAISS)
        kind = "FLAT" if exact else "HNSW" if server or road == MILVUS else "IVF_FLAT"
    if road == FAISS and kind not in _BY_FAISS:
        raise SettingError(
            f"NEWSCLUST_SEARCH=faiss: searches {' and '.join(_BY_FAISS)}, not MILVUS_INDEX={kind}. "
            "Unset one of the two."
        )
    if road == "auto":
        road = FAISS if not server and kind in _BY_FAISS else MILVUS
    values = _defaults(kind, documents) | _given(kind, params)
    return Index(
        kind,
        road,
        {name: values[name] for name in _BUILD[kind]},
        {name: values[name] for name in _SEARCH[kind]},
    )


def _one_of(setting: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingError(f"{setting}={value}: must be one of {', '.join(filter(None, known))}.")


def _defaults(kind: str, documents: int) -> dict[str, int]:
    if kind == "HNSW":
        # Milvus's usual graph; ef is far above the hits asked for, as recall falls with size.
        return {"M": 16, "efConstruction": 200, "ef": 256}
    if kind == "IVF_FLAT":
        # faiss's rule of thumb, 4·√N cells; a 32nd of them is searched.
        cells = 1 << max(round(max(documents, 1) ** 0.5 * 4).bit_length() - 1, 0)
        return {"nlist": cells, "nprobe": max(cells // 32, min(cells, 16))}
    return {}


def _given(kind: str, params: str) -> dict[str, int]:
    """Read the parameters that the user sets."""
    if not params:
        return {}
    allowed = _BUILD[kind] + _SEARCH[kind]
    try:
        given: Any = json.loads(params)
        sound = all(type(value) is int and value > 0 for value in given.values())
    except (ValueError, AttributeError):
        sound = False
    if not sound:
        raise SettingError(
            f"MILVUS_INDEX_PARAMS={params}: must be a JSON object of whole numbers, such as "
            '{"ef": 512}.'
        )
    unknown = sorted(set(given).difference(allowed))
    if unknown:
        raise SettingError(
            f"MILVUS_INDEX_PARAMS: {', '.join(unknown)} is no parameter of {kind}. "
            f"It has {', '.join(allowed) or 'none'}."
        )
    return dict(given)
