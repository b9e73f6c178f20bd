"""Where Milvus is: the address of a server or the path of a file."""

from urllib.parse import SplitResult, urlsplit

from newsclust_pipeline.core.errors import CollectionError


def is_server(uri: str) -> bool:
    """Return True for the address of a server, False for a Milvus Lite file."""
    return "://" in uri


def parse_address(uri: str) -> SplitResult:
    """Return the parts of a server's address.

    Raises:
        CollectionError: no server can have this address. The message hides user and password.
    """
    parts = urlsplit(uri)
    try:
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # the port isn't a number
        valid = None
    if not valid:
        raise CollectionError(
            f"`milvus.uri`={without_password(uri)}: not the address of a Milvus server. An "
            "address looks like http://host:19530, or https://host:port for a server with TLS."
        )
    return parts


def without_password(uri: str) -> str:
    """Return an address or path with user and password replaced by an ellipsis.

    >>> without_password("http://root:secret@milvus:19530")
    'http://…@milvus:19530'
    """
    scheme, separator, rest = uri.rpartition("://")
    _, at, host = rest.rpartition("@")
    return f"{scheme}{separator}…@{host}" if at else uri
