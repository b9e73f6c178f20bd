"""Embedding by a service: OpenAI's own, or any that speaks its protocol (vLLM, TEI, Ollama, …)."""

import base64
import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from newsclust_pipeline.core.errors import EmbeddingError, SettingError
from newsclust_pipeline.embed.base import Batch
from newsclust_pipeline.embed.client import REFUSED, Service, readable, refused

if TYPE_CHECKING:
    import openai

Rows = list[np.ndarray]  # the vectors (d,) of some texts

# Services count tokens, each in its own way. This is 25,000 tokens of English, and of no language
# more than the 300,000 that OpenAI takes.
REQUEST_CHARACTERS = 100_000
# A text that is refused alone is shortened while it is longer than this: the smallest models take
# 512 tokens, which is about as many characters of Chinese.
SHORT = 500
_ADVICE = {
    401: "Check OPENAI_API_KEY.",
    403: "Check OPENAI_API_KEY, and whether it may use this model.",
    404: "Check OPENAI_BASE_URL, which mostly ends in /v1, and NEWSCLUST_EMBEDDER_MODEL.",
    429: "Lower NEWSCLUST_EMBEDDER_CONCURRENCY, or wait. What is embedded is kept.",
    **dict.fromkeys(REFUSED, "Check NEWSCLUST_EMBEDDER_MODEL."),
}
_log = logging.getLogger(__name__)


class EmbeddingService:
    """Any OpenAI-compatible endpoint, through the `openai` package.

    Requests are sent again as `Service` tells. One that is never answered is given up within 10
    minutes as it comes.
    """

    name = "openai"

    def __init__(  # noqa: PLR0913 (one for each setting)
        self,
        model: str,
        base_url: str = "",
        api_key: str = "",
        *,
        prompt: str = "",
        batch_size: int = 64,
        concurrency: int = 4,
        timeout: float = 60.0,
        max_retries: int = 8,
    ) -> None:
        """Name the service and its model. Nothing is sent yet.

        Args:
            model: as the service calls it.
            base_url: its address; empty for OpenAI's own.
            api_key: may be empty if the service asks for none.
            prompt: put before every text.
            batch_size: texts to a request, at most.
            concurrency: requests at a time.
            timeout: seconds that a request may take.
            max_retries: how often a request is sent again.

        Raises:
            SettingError: one of them can't work.
        """
        self._service = Service(
            base_url,
            api_key,
            wanted_by="NEWSCLUST_EMBEDDER=openai",
            timeout=timeout,
            max_retries=max_retries,
        )
        if not model:
            raise SettingError(
                "NEWSCLUST_EMBEDDER=openai has no model of its own: set NEWSCLUST_EMBEDDER_MODEL "
                "to what the service calls it, such as text-embedding-3-small."
            )
        self.model = model
        self._prompt, self._batch_size, self._concurrency = prompt, batch_size, concurrency
        # Those left to try. Base64 takes a twentieth of the time, but not all services know it.
        self._formats: Sequence[Literal["base64", "float"]] = ("base64", "float")
        self._shortened = 0

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on besides the text, as far as can be told from here."""
        return json.dumps([self.name, self._service.shown, self.model, self._prompt])

    @cached_property
    def dimension(self) -> int:
        """Components of a vector: asked of the service, once."""
        [(_, vectors)] = self.encode(["dimension"])
        return int(vectors.shape[1])

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Embed texts in batches, handed out as they are answered.

        Stopping early cancels the requests under way.

        Yields:
            Positions in `texts` (n,) and their vectors (n, d), float32, as the service gave them.

        Raises:
            EmbeddingError: the service can't be used, or gave something else than one vector a
                text; or a text is empty.
        """
        if not texts:
            return
        for position, text in enumerate(texts):
            if not text.strip():
                raise EmbeddingError(f"text {position}: is empty, and so has no embedding.")
        batches = _batches(texts, self._batch_size, len(self._prompt))
        with self._service.requests() as send:
            under_way = {
                send(partial(self._embedded, texts[b.start : b.stop])): b
                for b in islice(batches, self._concurrency)
            }
            while under_way:
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                # A failed one last: what came along with it is worth keeping.
                for answer in sorted(done, key=lambda a: a.exception() is not None):
                    positions, vectors = under_way.pop(answer), self._stacked(answer.result())
                    for b in islice(batches, 1):
                        under_way[send(partial(self._embedded, texts[b.start : b.stop]))] = b
                    yield np.array(positions), vectors

    async def _embedded(self, texts: Sequence[str], client: "openai.AsyncOpenAI") -> Rows:
        """Embed texts by one request, or by several if the service refuses so many."""
        rows, refusal = await self._asked(texts, client)
        if refusal is None:
            return rows
        if len(texts) == 1:
            return await self._embedded_short(texts[0], client, refusal)
        half = len(texts) // 2
        first = await self._embedded(texts[:half], client)
        return first + await self._embedded(texts[half:], client)

    async def _embedded_short(
        self, text: str, client: "openai.AsyncOpenAI", refusal: "openai.APIStatusError | None"
    ) -> Rows:
        """Embed by its beginning a text that was refused whole."""
        kept, rows = text, Rows()
        while refusal and len(kept) > SHORT:
            kept = kept[: len(kept) // 2]
            rows, refusal = await self._asked([kept], client)
        if refusal:
            raise self._error(refusal)
        self._shortened += 1
        _log.warning(
            "The service refused a text of %d characters, and took its first %d (texts shortened "
            "so far: %d). It begins: %s",
            *(len(text), len(kept), self._shortened, readable(text)[:80]),
        )
        return rows

    async def _asked(
        self, texts: Sequence[str], client: "openai.AsyncOpenAI"
    ) -> "tuple[Rows, openai.APIStatusError | None]":
        """Give the service's vectors; or none, and its refusal of these texts."""
        refusal = None
        for encoding in self._formats:
            content, refusal = await self._answer(texts, client, encoding)
            if refusal is None:
                self._formats = (encoding,)
                return self._rows(content, len(texts)), None
        return [], refusal

    async def _answer(
        self,
        texts: Sequence[str],
        client: "openai.AsyncOpenAI",
        encoding: Literal["base64", "float"],
    ) -> "tuple[bytes, openai.APIStatusError | None]":
        import openai

        try:
            answer = await client.embeddings.with_raw_response.create(
                input=[self._prompt + readable(text) for text in texts],
                model=self.model,
                encoding_format=encoding,
            )
        except openai.APIError as raised:
            fault = raised
        else:
            return answer.content, None
        if refusal := refused(fault):
            return b"", refusal
        # Not inside `except`: the fault, which may hold the key, must not come along in tracebacks.
        raise self._error(fault)

    def _rows(self, content: bytes, count: int) -> Rows:
        """Read the vectors of `count` texts out of an answer, in the order of the texts."""
        try:
            found = [(item["index"], item["embedding"]) for item in json.loads(content)["data"]]
            places = sorted(index for index, _ in found)
            rows = {index: _vector(value) for index, value in found}
        except (ValueError, TypeError, KeyError, OverflowError):
            said = self._service.redacted(content.decode("utf-8", "replace"))
            fault = f"gave no embeddings, but: {said!r}. {_ADVICE[404]}"
        else:
            if places == list(range(count)):
                return [rows[index] for index in places]
            fault = f"gave {len(found)} vectors, {len(rows)} of them numbered apart, for {count} "
            fault += "texts. They can't be told apart: use another service, or another version."
        raise EmbeddingError(f"{self._service.shown}: the service {fault}")

    def _stacked(self, rows: Rows) -> np.ndarray:
        widths = sorted({len(row) for row in rows})
        if len(widths) > 1:
            raise EmbeddingError(
                f"{self._service.shown}: the service gave vectors of different dimensions "
                f"({widths}). Does one model alone answer to this NEWSCLUST_EMBEDDER_MODEL?"
            )
        return np.stack(rows)

    def _error(self, fault: "openai.APIError") -> EmbeddingError:
        """Say what is wrong, and what to do about it."""
        what = self._service.told(fault, self.model)
        advice = "Is it running? Check OPENAI_BASE_URL. What is embedded is kept."
        advice = _ADVICE.get(getattr(fault, "status_code", 0), advice)
        return EmbeddingError(f"{self._service.shown}: the service {what}. {advice}")


def _batches(texts: Sequence[str], most: int, extra: int) -> Iterator[range]:
    """Cut texts, each `extra` characters longer than it is, into what makes one request."""
    start = size = 0
    for position, text in enumerate(texts):
        length = len(text) + extra
        if position - start == most or (position > start and size + length > REQUEST_CHARACTERS):
            yield range(start, position)
            start, size = position, 0
        size += length
    yield range(start, len(texts))


def _vector(value: Any) -> np.ndarray:
    """Read one embedding, base64 of little-endian float32 or a list of numbers."""
    if isinstance(value, str):
        value = np.frombuffer(base64.b64decode(value, validate=True), "<f4")
    vector = np.asarray(value, dtype=np.float32)
    if vector.ndim != 1 or not vector.size:
        raise ValueError(f"no vector: {vector.shape}")
    return vector
