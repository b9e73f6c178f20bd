"""Connect to a service with OpenAI's protocol (OpenAI itself, vLLM, TEI, Ollama, …).

Several requests run at the same time, in an event loop in a thread of its own. A pool of threads
would be simpler, but a request that hangs or waits for its next attempt can be cancelled at once
only in an event loop. `openai.py` and `stories/titles.py` write the requests.
"""

import asyncio
import base64
import importlib.util
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from newsclust_pipeline.core.errors import ServiceError, SettingError

if TYPE_CHECKING:
    import openai

T = TypeVar("T")
# Runs a coroutine function, called with the client, in the background.
Send = Callable[[Callable[["openai.AsyncOpenAI"], Coroutine[Any, Any, T]]], Future[T]]

OPENAI = "https://api.openai.com/v1"
INPUT_ERRORS = {400, 413, 422}  # the input was refused: other input may be accepted
_MESSAGE_CHARACTERS = 200  # of a service's message that are quoted
_MAX_ANSWER = 16 << 20  # bytes


class Service:
    """Any OpenAI-compatible endpoint, through the package `openai`.

    Requests that fail for a reason outside the request (408, 409, 429, 5xx, time-outs, lost
    connections) are repeated after 0.5 s, then 1, 2, 4 and 8 s, or after the time in Retry-After
    (at most 2 minutes). A service that refuses connections therefore fails within 40 s, and one
    that never answers within (max_retries + 1) × timeout + 40 s. The timeout is for the whole
    answer: a body that arrives byte by byte doesn't prolong it. Redirects are not followed, because
    they would send the texts to another host.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        component: str = "embedder",
        timeout: float,
        max_retries: int,
        max_answer: int = _MAX_ANSWER,
    ) -> None:
        """Set the service. Nothing is sent yet.

        Args:
            base_url: its address; empty for OpenAI's own service.
            api_key: may be empty if the service needs none.
            component: the part of the pipeline that uses it, for references to parameters in
                messages: embedder or titles.
            timeout: seconds that a request may take.
            max_retries: how often a request is repeated.
            max_answer: bytes that an answer may have.

        Raises:
            SettingError: the address or key can't work.
        """
        self.url_parameter = f"`{component}.base_url`"
        self.key_parameter = f"`{component}.api_key`"
        self._url = self._parse_url(base_url or OPENAI)
        self._key = self._check_key(api_key.strip(), required=not base_url)
        if api_key.strip() and self._url.password:
            raise SettingError(
                f"{self.url_parameter}: contains a user and a password, which would replace "
                f"{self.key_parameter}. Remove one of the two."
            )
        self._timeout, self._max_retries, self._max_answer = timeout, max_retries, max_answer

    @property
    def display_url(self) -> str:
        """The address without user, password and query, which may be secret."""
        host = self._url.netloc.rpartition("@")[2]
        return self._url._replace(netloc=host, query="").geturl()

    @contextmanager
    def requests(self) -> Iterator[Send[Any]]:
        """Return a function that sends requests in the background; cancel the rest at the end."""
        client = self._client()
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

        async def run_until_stopped() -> None:
            stop = asyncio.Event()
            started.set_result((asyncio.get_running_loop(), stop))
            async with client:
                await stop.wait()  # asyncio.run then cancels the requests that are left

        loop_target = run_until_stopped()
        thread = Thread(target=asyncio.run, args=(loop_target,), name="service", daemon=True)
        thread.start()
        loop, stop = started.result()
        try:
            yield lambda request: asyncio.run_coroutine_threadsafe(request(client), loop)
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()

    def _client(self) -> "openai.AsyncOpenAI":
        if importlib.util.find_spec("openai") is None:
            raise ServiceError(
                "The package openai is not installed. "
                "Install it: pip install 'newsclust_pipeline[openai]'"
            )
        import openai

        # The client's HTTP library logs whole addresses.
        logging.getLogger("httpx2").addFilter(_remove_secrets)
        return openai.AsyncOpenAI(
            api_key=self._key,
            base_url=self._url._replace(query="").geturl(),
            default_query=dict(parse_qsl(self._url.query)),
            timeout=openai.Timeout(self._timeout, connect=min(self._timeout, 10)),
            max_retries=self._max_retries,
            # A compressed answer could be of any size.
            default_headers={"Accept-Encoding": "identity"},
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False,
                event_hooks={"response": [bound_answer(self._timeout, self._max_answer)]},
            ),
        )

    def describe(self, error: "openai.APIError", model: str) -> str:
        """Return what the service did, as the predicate of a sentence, without secrets."""
        import openai

        if isinstance(error, openai.APITimeoutError):
            return f"gave no answer within {self._timeout:g} s, {self._max_retries + 1} times"
        if isinstance(error, openai.APIStatusError) and error.response.is_redirect:
            target = urlsplit(error.response.headers.get("location", "")).hostname or "itself"
            return (
                f"redirects to {self.redact(target)} (HTTP {error.status_code}), which is not "
                f"followed. Set {self.url_parameter} to the final address"
            )
        if status := getattr(error, "status_code", 0):
            message = isinstance(error.body, dict) and error.body.get("message")
            quote = self.redact(str(message or error.body or error.message))
            return f"answers with HTTP {status} to model {model}: {quote!r}"
        return f"can't be reached ({self.redact(str(error.__cause__ or error))})"

    def redact(self, message: str) -> str:
        """Return the beginning of a message of the service, with secrets replaced by "…"."""
        user, password = unquote(self._url.username or ""), unquote(self._url.password or "")
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        secrets = [self._key, password, basic, *(value for _, value in parse_qsl(self._url.query))]
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            message = message.replace(secret, "…")
        return " ".join(message.split())[:_MESSAGE_CHARACTERS]

    def _parse_url(self, url: str) -> SplitResult:
        """Split an address. Messages don't repeat it, because it may contain a password."""
        try:
            parts = urlsplit(url.strip())
            complete = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
            valid = complete and url.strip().isprintable()
        except ValueError:
            valid = False
        if not valid:
            raise SettingError(
                f"{self.url_parameter}: not an address. It must begin with http:// or https://, "
                "and usually ends in /v1, such as http://localhost:8000/v1."
            )
        return parts._replace(path=parts.path.rstrip("/"), fragment="")

    def _check_key(self, key: str, *, required: bool) -> str:
        if required and not key:
            raise SettingError(
                f"{self.key_parameter} is not set, but OpenAI's service needs a key. Set it, or "
                f"set {self.url_parameter} to the address of another service."
            )
        if not (key.isascii() and key.isprintable()):
            raise SettingError(
                f"{self.key_parameter}: contains a character that no key has. Copy it again."
            )
        return key or "EMPTY"  # the client needs a key, even if the service doesn't


def bound_answer(seconds: float, size: int) -> Callable[[Any], Coroutine[Any, Any, None]]:
    """Return a hook of the HTTP client that limits the answer's total time and its bytes."""
    import httpx2

    class BoundedStream(httpx2.AsyncByteStream):
        def __init__(self, stream: Any) -> None:
            self._stream, self._deadline = stream, time.monotonic() + seconds

        async def __aiter__(self) -> AsyncIterator[bytes]:
            chunks, received = aiter(self._stream), 0
            while True:
                left = max(self._deadline - time.monotonic(), 0)
                try:
                    chunk = await asyncio.wait_for(anext(chunks), left)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise httpx2.ReadTimeout("the answer takes too long") from None
                received += len(chunk)
                if received > size:
                    raise httpx2.ReadError(f"the answer has more than {size:,} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    async def hook(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise httpx2.DecodingError("the answer is compressed, which was not asked for")
        response.stream = BoundedStream(response.stream)

    return hook


def input_error(error: "openai.APIError") -> "openai.APIStatusError | None":
    """Return the error if the service refused the input; None if the service or model failed."""
    import openai

    about_model = error.param == "model" or error.code == "model_not_found"
    if isinstance(error, openai.APIStatusError) and not about_model:
        return error if error.status_code in INPUT_ERRORS else None
    return None


def valid_text(text: str) -> str:
    """Return a text without characters that JSON or services refuse: lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _remove_secrets(record: logging.LogRecord) -> bool:
    """Remove user, password and query from the addresses in a log record."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            a.copy_with(username=None, password=None, query=None) if hasattr(a, "copy_with") else a
            for a in record.args
        )
    return True
