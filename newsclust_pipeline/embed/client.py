"""A service that speaks OpenAI's protocol (vLLM, TEI, Ollama, OpenAI itself, …): how it is reached.

Requests go out several at a time. They do so from an event loop in a thread of its own rather than
from a pool of threads, because only there a request that hangs, or waits for its next try, can be
cancelled at once. What is asked of it is the business of other rooms.
"""

import asyncio
import base64
import importlib.util
import logging
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from newsclust_pipeline.core.errors import ServiceError, SettingError

if TYPE_CHECKING:
    import openai

T = TypeVar("T")
# Runs a coroutine, made of a client, in the background.
Send = Callable[[Callable[["openai.AsyncOpenAI"], Coroutine[Any, Any, T]]], Future[T]]

OPENAI = "https://api.openai.com/v1"
REFUSED = {400, 413, 422}  # what was asked: something else may pass
_SAID = 200  # characters of a service's message that are handed on


class Service:
    """Any OpenAI-compatible endpoint, through the `openai` package.

    Requests that fail by no fault of theirs (408, 409, 429, 5xx, time-outs, lost connections) are
    sent again: after 0.5 s, then 1, 2, 4 and 8, or when Retry-After says so (at most 2 minutes). So
    a service that refuses connections fails within 40 s, and one that never answers within
    (max_retries + 1) × timeout + 40 s.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        wanted_by: str,
        settings: str = "OPENAI",
        timeout: float,
        max_retries: int,
    ) -> None:
        """Name the service. Nothing is sent yet.

        Args:
            base_url: its address; empty for OpenAI's own.
            api_key: may be empty if the service asks for none.
            wanted_by: the setting that chose it, for messages.
            settings: what the names of the settings for address and key begin with.
            timeout: seconds that a request may take.
            max_retries: how often a request is sent again.

        Raises:
            SettingError: address or key can't work.
        """
        self.url_setting, self.key_setting = f"{settings}_BASE_URL", f"{settings}_API_KEY"
        self._url = self._address(base_url or OPENAI)
        self._key = self._usable_key(api_key.strip(), needed=not base_url)
        self._wanted_by = wanted_by
        self._timeout, self._max_retries = timeout, max_retries

    @property
    def shown(self) -> str:
        """The address without what may be secret in it."""
        host = self._url.netloc.rpartition("@")[2]
        return self._url._replace(netloc=host, query="").geturl()

    @contextmanager
    def requests(self) -> Iterator[Send[Any]]:
        """Give the means to ask in the background, cancelling at the end what still is asked."""
        client = self._client()
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

        async def stay() -> None:
            stop = asyncio.Event()
            started.set_result((asyncio.get_running_loop(), stop))
            async with client:
                await stop.wait()  # asyncio.run cancels what is left then

        thread = Thread(target=asyncio.run, args=(stay(),), name="service", daemon=True)
        thread.start()
        loop, stop = started.result()
        try:
            yield lambda ask: asyncio.run_coroutine_threadsafe(ask(client), loop)
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()

    def _client(self) -> "openai.AsyncOpenAI":
        if importlib.util.find_spec("openai") is None:
            raise ServiceError(
                f"{self._wanted_by} needs a package that is not installed. "
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

    def told(self, fault: "openai.APIError", model: str) -> str:
        """Say what a service did instead of what it was asked."""
        import openai

        if isinstance(fault, openai.APITimeoutError):
            return f"gave no answer within {self._timeout:g} s, {self._max_retries + 1} times"
        if status := getattr(fault, "status_code", 0):
            told = isinstance(fault.body, dict) and fault.body.get("message")
            said = self.redacted(str(told or fault.body or fault.message))
            return f"answers with HTTP {status} to model {model}: {said!r}"
        return f"can't be reached ({self.redacted(str(fault.__cause__ or fault))})"

    def redacted(self, said: str) -> str:
        """Cut what a service says, and take secrets out that it repeats."""
        user, password = unquote(self._url.username or ""), unquote(self._url.password or "")
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        secrets = [self._key, password, basic, *(value for _, value in parse_qsl(self._url.query))]
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            said = said.replace(secret, "…")
        return " ".join(said.split())[:_SAID]

    def _address(self, url: str) -> SplitResult:
        """Take an address apart. It is not repeated: there may be a password in it."""
        try:
            parts = urlsplit(url.strip())
            named = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
            usable = named and url.strip().isprintable()
        except ValueError:
            usable = None
        if not usable:
            raise SettingError(
                f"{self.url_setting}: not an address. It must begin with http:// or https://, and "
                "mostly ends in /v1: http://localhost:8000/v1."
            )
        return parts._replace(path=parts.path.rstrip("/"), fragment="")

    def _usable_key(self, key: str, *, needed: bool) -> str:
        if needed and not key:
            raise SettingError(
                f"{self.key_setting} is not set, and OpenAI's service needs it. Set it; or, for a "
                f"service of your own, {self.url_setting}."
            )
        if not (key.isascii() and key.isprintable()):
            raise SettingError(
                f"{self.key_setting}: has a character in it that no key has. Copy it once more."
            )
        return key or "EMPTY"  # the client insists on some


def refused(fault: "openai.APIError") -> "openai.APIStatusError | None":
    """Give the fault if it lies with what was asked, rather than with the service or the model."""
    import openai

    about_model = fault.param == "model" or fault.code == "model_not_found"
    if isinstance(fault, openai.APIStatusError) and not about_model:
        return fault if fault.status_code in REFUSED else None
    return None


def readable(text: str) -> str:
    """Replace what JSON or services can't take: lone surrogates, NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _without_secrets(record: logging.LogRecord) -> bool:
    """Take user, password and query out of the addresses in a log record."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            a.copy_with(username=None, password=None, query=None) if hasattr(a, "copy_with") else a
            for a in record.args
        )
    return True
