"""Embedding by a service: OpenAI's own, or any that speaks its protocol (vLLM, TEI, Ollama, …).

Batches go out several at a time. They do so from an event loop in a thread of its own rather than
from a pool of threads, because only there a request that hangs, or waits for its next try, can be
cancelled at once.
"""

import asyncio
import base64
import importlib.util
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import numpy as np

from newsclust_pipeline.stages.embedding import Batch
from newsclust_pipeline.stages.errors import EmbeddingError, SettingError

if TYPE_CHECKING:
    import openai

Rows = list[np.ndarray]  # the vectors (d,) of some texts

OPENAI = "https://api.openai.com/v1"
# Services count tokens, each in its own way. This is 25,000 tokens of English, and of no language
# more than the 300,000 that OpenAI takes.
REQUEST_CHARACTERS = 100_000
# A text that is refused alone is shortened while it is longer than this: the smallest models take
# 512 tokens, which is about as many characters of Chinese.
SHORT = 500
_SAID = 200  # characters of a service's message that are handed on
_REFUSED = {400, 413, 422}  # these texts, or so many of them: others may pass
_ADVICE = {
    401: "Check OPENAI_API_KEY.",
    403: "Check OPENAI_API_KEY, and whether it may use this model.",
    404: "Check OPENAI_BASE_URL, which mostly ends in /v1, and NEWSCLUST_EMBEDDER_MODEL.",
    429: "Lower NEWSCLUST_EMBEDDER_CONCURRENCY, or wait. What is embedded is kept.",
    **dict.fromkeys(_REFUSED, "Check NEWSCLUST_EMBEDDER_MODEL."),
}
_log = logging.getLogger(__name__)


class EmbeddingService:
    """Any OpenAI-compatible endpoint, through the `openai` package.

    Requests that fail by no fault of theirs (408, 409, 429, 5xx, time-outs, lost connections) are
    sent again: after 0.5 s, then 1, 2, 4 and 8, or when Retry-After says so (at most 2 minutes). So
    a service that refuses connections fails within 40 s, and one that never answers within
    (max_retries + 1) × timeout + 40 s: under 10 minutes as it comes.
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
        self._url = _address(base_url or OPENAI)
        self._key = _usable_key(api_key.strip(), needed=not base_url)
        if not model:
            raise SettingError(
                "NEWSCLUST_EMBEDDER=openai has no model of its own: set NEWSCLUST_EMBEDDER_MODEL "
                "to what the service calls it, such as text-embedding-3-small."
            )
        self.model = model
        self._prompt, self._batch_size, self._concurrency = prompt, batch_size, concurrency
        self._timeout, self._max_retries = timeout, max_retries
        # Those left to try. Base64 takes a twentieth of the time, but not all services know it.
        self._formats: Sequence[Literal["base64", "float"]] = ("base64", "float")
        self._shortened = 0

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on besides the text, as far as can be told from here."""
        return json.dumps([self.name, self._shown, self.model, self._prompt])

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
        with self._requests() as send:
            under_way = {
                send(texts[b.start : b.stop]): b for b in islice(batches, self._concurrency)
            }
            while under_way:
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                # A failed one last: what came along with it is worth keeping.
                for answer in sorted(done, key=lambda a: a.exception() is not None):
                    positions, vectors = under_way.pop(answer), self._stacked(answer.result())
                    for b in islice(batches, 1):
                        under_way[send(texts[b.start : b.stop])] = b
                    yield np.array(positions), vectors

    @contextmanager
    def _requests(self) -> Iterator[Callable[[Sequence[str]], Future[Rows]]]:
        """Give the means to embed texts in the background, cancelling at the end what still is."""
        client = self._client()
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

        async def stay() -> None:
            stop = asyncio.Event()
            started.set_result((asyncio.get_running_loop(), stop))
            async with client:
                await stop.wait()  # asyncio.run cancels what is left then

        thread = Thread(target=asyncio.run, args=(stay(),), name="embedding service", daemon=True)
        thread.start()
        loop, stop = started.result()
        try:
            yield lambda texts: asyncio.run_coroutine_threadsafe(
                self._embedded(client, texts), loop
            )
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()

    def _client(self) -> "openai.AsyncOpenAI":
        if importlib.util.find_spec("openai") is None:
            raise EmbeddingError(
                "NEWSCLUST_EMBEDDER=openai needs a package that is not installed. "
                "Install it: pip install 'newsclust_pipeline[openai]'"
            )
        import openai

        # The client's transport logs addresses as they are.
        logging.getLogger("httpx2").addFilter(_without_secrets)
        return openai.AsyncOpenAI(
            api_key=self._key,
            base_url=self._url._replace(query="").geturl(),
            default_query=dict(parse_qsl(self._url.query)),
            timeout=openai.Timeout(self._timeout, connect=min(self._timeout, 10)),
            max_retries=self._max_retries,
        )

    async def _embedded(self, client: "openai.AsyncOpenAI", texts: Sequence[str]) -> Rows:
        """Embed texts by one request, or by several if the service refuses so many."""
        rows, refusal = await self._asked(client, texts)
        if refusal is None:
            return rows
        if len(texts) == 1:
            return await self._embedded_short(client, texts[0], refusal)
        half = len(texts) // 2
        first = await self._embedded(client, texts[:half])
        return first + await self._embedded(client, texts[half:])

    async def _embedded_short(
        self, client: "openai.AsyncOpenAI", text: str, refusal: "openai.APIStatusError | None"
    ) -> Rows:
        """Embed by its beginning a text that was refused whole."""
        kept, rows = text, Rows()
        while refusal and len(kept) > SHORT:
            kept = kept[: len(kept) // 2]
            rows, refusal = await self._asked(client, [kept])
        if refusal:
            raise self._error(refusal)
        self._shortened += 1
        _log.warning(
            "The service refused a text of %d characters, and took its first %d (texts shortened "
            "so far: %d). It begins: %s",
            *(len(text), len(kept), self._shortened, _readable(text)[:80]),
        )
        return rows

    async def _asked(
        self, client: "openai.AsyncOpenAI", texts: Sequence[str]
    ) -> "tuple[Rows, openai.APIStatusError | None]":
        """Give the service's vectors; or none, and its refusal of these texts."""
        refusal = None
        for encoding in self._formats:
            content, refusal = await self._answer(client, texts, encoding)
            if refusal is None:
                self._formats = (encoding,)
                return self._rows(content, len(texts)), None
        return [], refusal

    async def _answer(
        self,
        client: "openai.AsyncOpenAI",
        texts: Sequence[str],
        encoding: Literal["base64", "float"],
    ) -> "tuple[bytes, openai.APIStatusError | None]":
        import openai

        try:
            answer = await client.embeddings.with_raw_response.create(
                input=[self._prompt + _readable(text) for text in texts],
                model=self.model,
                encoding_format=encoding,
            )
        except openai.APIError as raised:
            fault = raised
        else:
            return answer.content, None
        about_texts = fault.param != "model" and fault.code != "model_not_found"
        if (
            isinstance(fault, openai.APIStatusError)
            and fault.status_code in _REFUSED
            and about_texts
        ):
            return b"", fault
        # Not inside `except`: the fault, which may hold the key, must not come along in tracebacks.
        raise self._error(fault)

    def _rows(self, content: bytes, count: int) -> Rows:
        """Read the vectors of `count` texts out of an answer, in the order of the texts."""
        try:
            found = [(item["index"], item["embedding"]) for item in json.loads(content)["data"]]
            places = sorted(index for index, _ in found)
            rows = {index: _vector(value) for index, value in found}
        except (ValueError, TypeError, KeyError, OverflowError):
            said = self._redacted(content.decode("utf-8", "replace"))
            fault = f"gave no embeddings, but: {said!r}. {_ADVICE[404]}"
        else:
            if places == list(range(count)):
                return [rows[index] for index in places]
            fault = f"gave {len(found)} vectors, {len(rows)} of them numbered apart, for {count} "
            fault += "texts. They can't be told apart: use another service, or another version."
        raise EmbeddingError(f"{self._shown}: the service {fault}")

    def _stacked(self, rows: Rows) -> np.ndarray:
        widths = sorted({len(row) for row in rows})
        if len(widths) > 1:
            raise EmbeddingError(
                f"{self._shown}: the service gave vectors of different dimensions ({widths}). "
                "Does one model alone answer to this NEWSCLUST_EMBEDDER_MODEL?"
            )
        return np.stack(rows)

    def _error(self, fault: "openai.APIError") -> EmbeddingError:
        """Say what is wrong, and what to do about it."""
        import openai

        status = getattr(fault, "status_code", 0)
        if isinstance(fault, openai.APITimeoutError):
            what = f"gave no answer within {self._timeout:g} s, {self._max_retries + 1} times"
        elif status:
            told = isinstance(fault.body, dict) and fault.body.get("message")
            said = self._redacted(str(told or fault.body or fault.message))
            what = f"answers with HTTP {status} to model {self.model}: {said!r}"
        else:
            what = f"can't be reached ({self._redacted(str(fault.__cause__ or fault))})"
        advice = "Is it running? Check OPENAI_BASE_URL. What is embedded is kept."
        return EmbeddingError(f"{self._shown}: the service {what}. {_ADVICE.get(status, advice)}")

    def _redacted(self, said: str) -> str:
        """Cut what a service says, and take secrets out that it repeats."""
        user, password = unquote(self._url.username or ""), unquote(self._url.password or "")
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        secrets = [self._key, password, basic, *(value for _, value in parse_qsl(self._url.query))]
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            said = said.replace(secret, "…")
        return " ".join(said.split())[:_SAID]

    @property
    def _shown(self) -> str:
        """The address without what may be secret in it."""
        host = self._url.netloc.rpartition("@")[2]
        return self._url._replace(netloc=host, query="").geturl()


def _address(url: str) -> SplitResult:
    """Take an address apart. It is not repeated: there may be a password in it."""
    try:
        parts = urlsplit(url.strip())
        named = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        usable = named and url.strip().isprintable()
    except ValueError:
        usable = None
    if not usable:
        raise SettingError(
            "OPENAI_BASE_URL: not an address. It must begin with http:// or https://, and mostly "
            "ends in /v1: http://localhost:8000/v1."
        )
    return parts._replace(path=parts.path.rstrip("/"), fragment="")


def _usable_key(key: str, *, needed: bool) -> str:
    if needed and not key:
        raise SettingError(
            "OPENAI_API_KEY is not set, and OpenAI's service needs it. Set it; or, for a service "
            "of your own, OPENAI_BASE_URL."
        )
    if not (key.isascii() and key.isprintable()):
        raise SettingError(
            "OPENAI_API_KEY: has a character in it that no key has. Copy it once more."
        )
    return key or "EMPTY"  # the client insists on some


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


def _readable(text: str) -> str:
    """Replace what JSON or services can't take: lone surrogates, NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _vector(value: Any) -> np.ndarray:
    """Read one embedding, base64 of little-endian float32 or a list of numbers."""
    if isinstance(value, str):
        value = np.frombuffer(base64.b64decode(value, validate=True), "<f4")
    vector = np.asarray(value, dtype=np.float32)
    if vector.ndim != 1 or not vector.size:
        raise ValueError(f"no vector: {vector.shape}")
    return vector


def _without_secrets(record: logging.LogRecord) -> bool:
    """Take user, password and query out of the addresses in a log record."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            a.copy_with(username=None, password=None, query=None) if hasattr(a, "copy_with") else a
            for a in record.args
        )
    return True
