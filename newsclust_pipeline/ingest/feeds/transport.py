"""HTTP for addresses that strangers may choose: no private networks, no endless answers.

A feed must not become a way into the operator's network. Host names are resolved here, every
address of a host is checked, and the connection goes to the checked address: a name that resolves
to another address a moment later (DNS rebinding) gains nothing. Redirects pass the same check.
"""

import ipaddress
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

_MARGIN = 1 << 16  # bytes that one step of decompression may produce
_deadline = threading.local()


class FetchError(Exception):
    """A feed cannot be fetched: what is wrong, in one sentence."""


class PrivateAddressError(FetchError):
    """A host is on a private network."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Bound all network calls of this thread inside the block to `seconds` in total."""
    _deadline.at = time.monotonic() + seconds
    try:
        yield
    finally:
        del _deadline.at


def _remaining(timeout: float | None) -> float | None:
    at = getattr(_deadline, "at", None)
    if at is None:
        return timeout
    left = at - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the answer took too long in total")
    return left if timeout is None else min(timeout, left)


def public_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host, if all of them are public.

    Raises:
        PrivateAddressError: one of them is private, loopback, link-local or otherwise special.
        httpcore2.ConnectError: the name cannot be resolved.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"the host {host!r} cannot be resolved") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        if not _is_public(address):
            raise PrivateAddressError(
                f"{host} is on a private network ({address}), which feeds may not reach. Allow it "
                "with `feeds.allow_private`."
            )
    return addresses


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (inner is None or _is_public(str(inner)))


class GuardedBackend(httpcore2.SyncBackend):
    """Opens connections to public addresses only, within the time limit of the thread."""

    def __init__(self, allow_private: bool) -> None:
        """Make a backend.

        Args:
            allow_private: whether addresses of private networks are allowed.
        """
        super().__init__()
        self._allow_private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of a host that answers."""
        hosts = [host] if self._allow_private else public_addresses(host, port)
        for number, address in enumerate(hosts, start=1):
            try:
                stream = super().connect_tcp(
                    address, port, _remaining(timeout), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number == len(hosts):
                    raise
            else:
                return _LimitedStream(stream)
        raise httpcore2.ConnectError(f"the host {host!r} has no address")


class _LimitedStream(httpcore2.NetworkStream):
    """A connection whose calls end at the time limit of the thread."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _remaining(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        secure = self._stream.start_tls(ssl_context, server_hostname, _remaining(timeout))
        return _LimitedStream(secure)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class GuardedTransport(httpx2.BaseTransport):
    """Transport of httpx over `GuardedBackend`, with the proxies of the environment."""

    def __init__(self, allow_private: bool) -> None:
        """Make a transport; see `GuardedBackend`."""
        self._allow_private = allow_private
        self._context = httpx2.create_ssl_context()
        self._direct = self._pool(GuardedBackend(allow_private))
        self._proxied = {
            scheme: self._pool(None, httpcore2.Proxy(url))
            for scheme, url in getproxies().items()
            if scheme in {"http", "https"}
        }

    def _pool(
        self, backend: httpcore2.NetworkBackend | None, proxy: httpcore2.Proxy | None = None
    ) -> httpcore2.ConnectionPool:
        return httpcore2.ConnectionPool(
            ssl_context=self._context,
            proxy=proxy,
            max_connections=64,
            max_keepalive_connections=32,
            keepalive_expiry=5,
            http2=True,
            network_backend=backend,
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, through a proxy if the environment names one for the host.

        Raises:
            PrivateAddressError: the host is on a private network.
            httpcore2.NetworkError: and other errors of httpcore.
        """
        url = request.url
        proxied = None if proxy_bypass(url.host) else self._proxied.get(url.scheme)
        if proxied and not self._allow_private:
            _refuse_private_name(url.host)
        answer = (proxied or self._direct).handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close all connections."""
        for pool in (self._direct, *self._proxied.values()):
            pool.close()


def _refuse_private_name(host: str) -> None:
    """Check a host that a proxy will resolve, as far as it can be resolved here."""
    try:
        public_addresses(host, 80)
    except httpcore2.ConnectError:
        return  # only the proxy can resolve it


class _Body(httpx2.SyncByteStream):
    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def bounded_body(response: httpx2.Response, most: int) -> bytes:
    """Return the body of a streamed response, decompressed.

    Args:
        response: opened with `stream=True`.
        most: bytes that the body may have, compressed or not.

    Raises:
        FetchError: the body is larger, or not compressed as the response says.
    """
    decoder = _Decoder(response.headers.get("content-encoding", ""))
    body = bytearray()
    read = 0
    for chunk in response.iter_raw():
        read += len(chunk)
        for piece in decoder.pieces(chunk):
            body += piece
            if max(len(body), read) > most:
                raise FetchError(f"the answer is larger than {most >> 20} MiB")
    if not decoder.complete:
        raise FetchError("the answer ends early, or is not compressed as it says")
    return bytes(body)


class _Decoder:
    """Decompresses gzip, deflate and brotli in pieces of bounded size."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding in {"gzip", "x-gzip", "deflate"}:
            self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
        elif self._encoding == "br":
            import brotli

            self._brotli = brotli.Decompressor()
        elif self._encoding not in {"", "identity"}:
            raise FetchError(f"the answer has an unknown compression: {encoding!r}")

    @property
    def complete(self) -> bool:
        """Whether the compressed data has come to its end."""
        if self._encoding == "br":
            return bool(self._brotli.is_finished())
        return self._encoding in {"", "identity"} or self._zlib.eof

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk holds.

        Raises:
            FetchError: the chunk cannot be decompressed.
        """
        try:
            if self._encoding == "br":
                yield from self._from_brotli(chunk)
            elif self._encoding in {"", "identity"}:
                yield chunk
            else:
                yield from self._from_zlib(chunk)
        except Exception as error:
            if isinstance(error, FetchError):
                raise
            raise FetchError(f"the answer cannot be decompressed: {error}") from error

    def _from_zlib(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            yield self._zlib.decompress(chunk, _MARGIN)
            chunk = self._zlib.unconsumed_tail

    def _from_brotli(self, chunk: bytes) -> Iterator[bytes]:
        yield self._brotli.process(chunk, output_buffer_limit=_MARGIN)
        while not self._brotli.can_accept_more_data():
            yield self._brotli.process(b"", output_buffer_limit=_MARGIN)
