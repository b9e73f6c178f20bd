"""Where a file or folder is: on this machine, in an object store, or on a web server.

A setting that takes a location takes a path or an address such as `s3://bucket/news`. A location on
this machine is a `pathlib.Path`, also if it was written as `file:///…`; every other location is a
`UPath` of universal_pathlib, which reads and writes through fsspec. Credentials and endpoints come
from the store's own environment, such as AWS_PROFILE and AWS_ENDPOINT_URL.
"""

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, Union
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from newsclust_pipeline.core.errors import NewsclustError, ServiceError, SettingError

if TYPE_CHECKING:
    from upath import UPath

Location: TypeAlias = Union[Path, "UPath"]


class StoreError(ServiceError):
    """An object store or web server can't be read or written."""


class Scheme(NamedTuple):
    """What addresses of one scheme need.

    Attributes:
        package: the module that reads and writes them; empty for one that is always installed.
        extra: the extra of this project that installs it.
        environment: where its credentials and endpoint come from; empty: from the address.
        is_store: whether files can be listed and written.
    """

    package: str
    extra: str
    environment: str
    is_store: bool = True


_S3 = Scheme("s3fs", "s3", "AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL or ~/.aws")
_GS = Scheme("gcsfs", "gs", "GOOGLE_APPLICATION_CREDENTIALS or gcloud auth")
_AZURE = Scheme("adlfs", "azure", "AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME")
_HTTP = Scheme("aiohttp", "http", "", is_store=False)
SCHEMES = {
    "s3": _S3,
    "s3a": _S3,
    "gs": _GS,
    "gcs": _GS,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "http": _HTTP,
    "https": _HTTP,
    "memory": Scheme("", "", ""),  # lives as long as the process
}
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):(?=[/:]|$)", re.IGNORECASE)  # no Windows drive: C:\
_SECRETS = re.compile(r"(?<=://)[^/?#\s]*@|(?<=\w)\?[^\s'\")>,]+")
_NOT_FOUND = {404, 410}  # answers of a web server
_TIMEOUT = 60  # seconds without an answer


def is_address(text: str) -> bool:
    """Return True for an address, False for a path of this machine."""
    return _ADDRESS.match(text) is not None


def parse_location(text: str, parameter: str) -> Location:
    """Return the location that a setting names.

    Args:
        text: a path or an address.
        parameter: what a message calls the setting, see `core.errors`.

    Raises:
        SettingError: the address has no known scheme, its package is missing, or it is incomplete.
    """
    found = _ADDRESS.match(text)
    if found is None:
        return Path(text)
    scheme, problem = found[1].lower(), f"`{parameter}`={without_secrets(text)}"
    address = scheme + text[len(scheme) :]
    if scheme not in {*SCHEMES, "file"}:
        known = ", ".join(f"{name}://" for name in SCHEMES if name != "memory")
        raise SettingError(
            f"{problem}: addresses of this kind can't be used. Set it to a path, or to an address "
            f"that begins with {known} or file://."
        )
    if not address.startswith(f"{scheme}://"):
        raise SettingError(f"{problem}: an address begins with {scheme}://, with two slashes.")
    if scheme == "file":
        return _local_path(address, problem)
    _require_package(SCHEMES[scheme], problem)
    if scheme != "memory" and not urlsplit(address).hostname:
        raise SettingError(f"{problem}: the address lacks the name of its bucket or host.")
    return _remote_path(address, SCHEMES[scheme], problem)


def require_path(text: str, parameter: str) -> Path:
    """Return the path that a setting names which can't be an address.

    Raises:
        SettingError: it is an address, and not one of a file on this machine.
    """
    if is_address(text) and not text.lower().startswith("file://"):
        raise SettingError(
            f"`{parameter}`={without_secrets(text)}: must be a path on this machine, not an "
            "address."
        )
    location = parse_location(text, parameter)
    assert isinstance(location, Path)  # noqa: S101 (for mypy)
    return location


def _local_path(address: str, problem: str) -> Path:
    parts = urlsplit(address)
    if parts.netloc not in {"", "localhost"}:
        raise SettingError(f"{problem}: write file:// and an absolute path, such as file:///data.")
    return Path(url2pathname(parts.path))


def _require_package(scheme: Scheme, problem: str) -> None:
    if scheme.package and importlib.util.find_spec(scheme.package) is None:
        raise SettingError(
            f"{problem}: needs the package {scheme.package}, which is not installed. Run: "
            f"pip install 'newsclust_pipeline[{scheme.extra}]'"
        )


def _remote_path(address: str, scheme: Scheme, problem: str) -> "UPath":
    from upath import UPath

    # A listing is never cached: the sensor and the next stage must see what others have written.
    options: dict[str, Any] = {"use_listings_cache": False}
    if scheme is _HTTP:
        from aiohttp import ClientTimeout

        timeout = ClientTimeout(total=None, sock_connect=_TIMEOUT, sock_read=_TIMEOUT)
        options = {"client_kwargs": {"timeout": timeout}}
    try:
        return UPath(address.rstrip("/") if scheme.is_store else address, **options)
    except (ImportError, ValueError) as error:
        raise SettingError(f"{problem}: can't be used ({without_secrets(str(error))}).") from None


def is_web(location: Location) -> bool:
    """Return True for a location on a web server: a file that can be read, nothing else."""
    return not isinstance(location, Path) and location.protocol in {"http", "https"}


def name_of(location: Location) -> str:
    """Return the name of a file or folder, without the query of its address."""
    if is_web(location):
        return PurePosixPath(unquote(urlsplit(str(location)).path)).name
    return location.name


def address_of(location: Location) -> str:
    """Return a path or address for messages: without user, password and query.

    >>> address_of(Path("/data/news.csv"))
    '/data/news.csv'
    """
    return str(location) if isinstance(location, Path) else without_secrets(str(location))


def without_secrets(text: str) -> str:
    """Return a text with users, passwords and queries of addresses replaced by an ellipsis.

    >>> without_secrets("https://me:secret@host/a.csv?sig=abc: not found")
    'https://…@host/a.csv?…: not found'
    """
    return _SECRETS.sub(lambda found: "…@" if found[0].endswith("@") else "?…", text)


@contextmanager
def store_errors(location: Location) -> Iterator[None]:
    """Translate what a store raises; a missing file remains a FileNotFoundError.

    Errors of files on this machine are not translated.

    Raises:
        StoreError: naming the location, the reason, and where the credentials come from.
    """
    if isinstance(location, Path):
        yield
        return
    try:
        yield
    except NewsclustError:
        raise
    except Exception as error:  # noqa: BLE001 (every store has errors of its own)
        cause = error.__cause__ if is_web(location) and error.__cause__ else error
        if isinstance(cause, FileNotFoundError) or getattr(cause, "status", 0) in _NOT_FOUND:
            raise FileNotFoundError(f"{address_of(location)}: not found") from None
        raise StoreError(_sentence(location, cause)) from None


def _sentence(location: "UPath", error: BaseException) -> str:
    reason = without_secrets(" ".join(str(error).split())[:300]).rstrip(".")
    source = SCHEMES[location.protocol].environment
    credentials = f", the network, and the credentials and endpoint of {source}" if source else ""
    return (
        f"{address_of(location)}: can't be read or written ({reason or type(error).__name__}). "
        f"Check the address{credentials or ' and the network'}."
    )
