"""Embed texts with a service that has OpenAI's protocol (OpenAI itself, vLLM, TEI, Ollama, …)."""

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
from newsclust_pipeline.core.text import one_line
from newsclust_pipeline.embed.base import Batch
from newsclust_pipeline.embed.client import INPUT_ERRORS, Service, input_error, valid_text

if TYPE_CHECKING:
    import openai

Rows = list[np.ndarray]  # one vector (dimension,) per text

# Services limit tokens, and count them differently. This is 25,000 tokens of English, and less
# than OpenAI's limit of 300,000 tokens in any language.
REQUEST_CHARACTERS = 100_000
# A single text that the service refuses is halved while it is longer than this. The smallest
# models read 512 tokens, which are about as many characters of Chinese.
SHORT = 500
# An answer may have so many bytes, and so many for every text: 8,192 dimensions as decimal numbers.
_ANSWER_BYTES, _VECTOR_BYTES = 1 << 20, 1 << 18
_ADVICE = {
    401: "Check `embedder.api_key`.",
    403: "Check `embedder.api_key`, and that it may use this model.",
    404: "Check `embedder.base_url`, which usually ends in /v1, and `embedder.model`.",
    429: "Lower `embedder.concurrency`, or wait. Vectors received so far are in the cache.",
    **dict.fromkeys(INPUT_ERRORS, "Check `embedder.model`."),
}
_log = logging.getLogger(__name__)


class EmbeddingService:
    """Embeds texts with any OpenAI-compatible endpoint, through the package `openai`.

    Failed requests are repeated as described in `Service`; with the default values a service that
    never answers raises an error within 10 minutes.
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
        """Set the service and its model. Nothing is sent yet.

        Args:
            model: its name on the service.
            base_url: the service's address; empty for OpenAI's own service.
            api_key: may be empty if the service needs none.
            prompt: put before every text.
            batch_size: maximum number of texts in a request.
            concurrency: number of requests at the same time.
            timeout: seconds that a request may take.
            max_retries: how often a request is repeated.

        Raises:
            SettingError: a parameter can't work.
        """
        self._service = Service(
            base_url,
            api_key,
            timeout=timeout,
            max_retries=max_retries,
            max_answer=_ANSWER_BYTES + batch_size * _VECTOR_BYTES,
        )
        if not model:
            raise SettingError(
                "`embedder.model` is empty, and `embedder.name`=openai has no default model. Set "
                "it to the model's name on the service, such as text-embedding-3-small."
            )
        self.model = model
        self._prompt, self._batch_size, self._concurrency = prompt, batch_size, concurrency
        # Formats to try. Base64 takes a twentieth of the time, but some services lack it.
        self._formats: Sequence[Literal["base64", "float"]] = ("base64", "float")
        self._shortened, self._received_dimension = 0, 0
        # Why texts have no vector, by text.
        self.refusals: dict[str, str] = {}

    @property
    def fingerprint(self) -> str:
        """Identifies the service, its model and the prompt. A changed model is not noticed."""
        return json.dumps([self.name, self._service.display_url, self.model, self._prompt])

    @cached_property
    def dimension(self) -> int:
        """Components of a vector. Sends one request."""
        [(_, vectors)] = self.encode(["dimension"])
        return int(vectors.shape[1])

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Embed texts in batches, which are yielded as their answers arrive.

        Closing the iterator cancels the requests that are running.

        Yields:
            Positions in `texts` (n,) and their vectors (n, dimension), float32, as received; NaN
            for a text that the service refuses, with the reason in `refusals`.

        Raises:
            EmbeddingError: the service can't be used, or didn't return one vector per text; or a
                text is empty.
        """
        if not texts:
            return
        for position, text in enumerate(texts):
            if not text.strip():
                raise EmbeddingError(f"text {position}: is empty, so it has no embedding.")
        batches = _batches(texts, self._batch_size, len(self._prompt))
        with self._service.requests() as send:
            running = {
                send(partial(self._embed, texts[b.start : b.stop])): b
                for b in islice(batches, self._concurrency)
            }
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                # Failed requests last, so that vectors that arrived with them are not lost.
                for answer in sorted(done, key=lambda a: a.exception() is not None):
                    positions, vectors = running.pop(answer), self._stack(answer.result())
                    for b in islice(batches, 1):
                        running[send(partial(self._embed, texts[b.start : b.stop]))] = b
                    yield np.array(positions), vectors

    async def _embed(self, texts: Sequence[str], client: "openai.AsyncOpenAI") -> Rows:
        """Embed texts with one request, or with several if the service refuses so many texts."""
        rows, refusal = await self._request(texts, client)
        if refusal is None:
            return rows
        if len(texts) == 1:
            return await self._embed_beginning(texts[0], client, refusal)
        half = len(texts) // 2
        first = await self._embed(texts[:half], client)
        return first + await self._embed(texts[half:], client)

    async def _embed_beginning(
        self, text: str, client: "openai.AsyncOpenAI", refusal: "openai.APIStatusError | None"
    ) -> Rows:
        """Embed the beginning of a text that the service refused, halving it until it fits."""
        beginning, rows = text, Rows()
        while refusal and len(beginning) > SHORT:
            beginning = beginning[: len(beginning) // 2]
            rows, refusal = await self._request([beginning], client)
        if refusal:
            return [await self._refuse(text, client, refusal)]
        self._shortened += 1
        _log.warning(
            "The service refused a text of %d characters and accepted its first %d (texts "
            "shortened so far: %d). It begins: %s",
            *(len(text), len(beginning), self._shortened, one_line(valid_text(text)[:80])),
        )
        return rows

    async def _refuse(
        self, text: str, client: "openai.AsyncOpenAI", refusal: "openai.APIStatusError"
    ) -> np.ndarray:
        """Note why a text has no vector; raise an error if the service refuses any text."""
        if not self._received_dimension and (await self._request(["dimension"], client))[1]:
            raise self._error(refusal)
        self.refusals[text] = f"the service {self._service.describe(refusal, self.model)}"
        reason, beginning = one_line(self.refusals[text]), one_line(valid_text(text)[:80])
        _log.warning("%s. The text begins: %s", reason, beginning)
        return np.full(self._received_dimension, np.nan, dtype=np.float32)

    async def _request(
        self, texts: Sequence[str], client: "openai.AsyncOpenAI"
    ) -> "tuple[Rows, openai.APIStatusError | None]":
        """Return the vectors of texts; or none, and the error by which the service refused them."""
        refusal = None
        for encoding in self._formats:
            content, refusal = await self._send(texts, client, encoding)
            if refusal is None:
                rows = self._parse(content, len(texts))
                self._formats, self._received_dimension = (encoding,), len(rows[0])
                return rows, None
        return [], refusal

    async def _send(
        self,
        texts: Sequence[str],
        client: "openai.AsyncOpenAI",
        encoding: Literal["base64", "float"],
    ) -> "tuple[bytes, openai.APIStatusError | None]":
        import openai

        try:
            answer = await client.embeddings.with_raw_response.create(
                input=[self._prompt + valid_text(text) for text in texts],
                model=self.model,
                encoding_format=encoding,
            )
        except openai.APIError as raised:
            error = raised
        else:
            return answer.content, None
        if refusal := input_error(error):
            return b"", refusal
        # Outside `except`: a traceback must not show the client's error, which may hold the key.
        raise self._error(error)

    def _parse(self, content: bytes, count: int) -> Rows:
        """Return the vectors in an answer for `count` texts, in the order of the texts."""
        try:
            items = [(item["index"], item["embedding"]) for item in json.loads(content)["data"]]
            indices = sorted(index for index, _ in items)
            rows = {index: _vector(value) for index, value in items}
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            quote = self._service.redact(content.decode("utf-8", "replace"))
            defect = f"returned no embeddings but: {quote!r}. {_ADVICE[404]}"
        else:
            if indices == list(range(count)):
                return [rows[index] for index in indices]
            defect = f"returned {len(items)} vectors with {len(rows)} different indices for "
            defect += f"{count} texts. Use another service, or another version of it."
        raise EmbeddingError(f"{self._service.display_url}: the service {defect}")

    def _stack(self, rows: Rows) -> np.ndarray:
        dimensions = sorted({len(row) for row in rows})
        if len(dimensions) > 1:
            raise EmbeddingError(
                f"{self._service.display_url}: the service returned vectors of different "
                f"dimensions ({dimensions}). Check that `embedder.model` names one model only."
            )
        return np.stack(rows)

    def _error(self, error: "openai.APIError") -> EmbeddingError:
        """Return an error that says what the service did and what to do."""
        defect = self._service.describe(error, self.model)
        advice = "Is it running? Check `embedder.base_url`. Vectors received so far are cached."
        advice = _ADVICE.get(getattr(error, "status_code", 0), advice)
        return EmbeddingError(f"{self._service.display_url}: the service {defect}. {advice}")


def _batches(texts: Sequence[str], most: int, extra: int) -> Iterator[range]:
    """Split texts into requests of at most `most` texts and REQUEST_CHARACTERS.

    `extra` is the number of characters that are added to every text.
    """
    start = size = 0
    for position, text in enumerate(texts):
        length = len(text) + extra
        if position - start == most or (position > start and size + length > REQUEST_CHARACTERS):
            yield range(start, position)
            start, size = position, 0
        size += length
    yield range(start, len(texts))


def _vector(value: Any) -> np.ndarray:
    """Return one embedding, given as a list of numbers or as base64 of little-endian float32."""
    if isinstance(value, str):
        value = np.frombuffer(base64.b64decode(value, validate=True), "<f4")
    with np.errstate(over="ignore"):  # what float32 can't hold is infinite, and rejected later
        vector = np.asarray(value, dtype=np.float32)
    if vector.ndim != 1 or not vector.size:
        raise ValueError(f"not a vector: {vector.shape}")
    return vector
