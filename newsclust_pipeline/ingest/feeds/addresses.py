"""A setting or a file → the addresses of feeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.files import open_binary
from newsclust_pipeline.core.listing import file_info
from newsclust_pipeline.core.locations import Location, address_of, parse_location

_MOST_BYTES = 16 << 20
_WEB = ("http://", "https://")


@dataclass(frozen=True)
class Address:
    """Where a feed is, and what the list of feeds calls it.

    Attributes:
        url: the address, `http://` or `https://`.
        title: the feed's name in an OPML file; empty elsewhere.
    """

    url: str
    title: str = ""


def read_addresses(source: str) -> list[Address]:
    """Return the feeds that `source` lists, each once, in its order.

    Args:
        source: an OPML file; a text file with one address a line (`#` begins a comment), both on
            this machine or in an object store; or addresses separated by commas or spaces.

    Raises:
        SettingError: the file cannot be read, lists no feed, or an address is not `http(s)`.
    """
    text = source.strip()
    listed = text.replace(",", " ").split()
    is_file = len(listed) == 1 and not text.lower().startswith(_WEB)
    if "://" in text and not is_file and not Path(text).exists():
        found, place = [Address(url) for url in listed], "`feeds.addresses`"
    else:
        location = parse_location(text, "feeds.addresses")
        found, place = list(_in_file(location)), address_of(location)
    for address in found:
        if not address.url.lower().startswith(_WEB):
            raise SettingError(
                f"{place}: {address.url[:200]!r} is not the address of a feed. An address "
                "begins with http:// or https://. Correct or remove it."
            )
    if not found:
        raise SettingError(f"{place}: no feed is listed. Add the address of one, a line each.")
    first: dict[str, Address] = {}
    for address in found:
        first.setdefault(address.url, address)
    return list(first.values())


def _in_file(location: Location) -> Iterator[Address]:
    path = address_of(location)
    try:
        info = file_info(location)
        if info and info.size > _MOST_BYTES:
            raise SettingError(f"{path}: larger than 16 MiB. A list of feeds is small: is it one?")
        with open_binary(location) as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise SettingError(
            f"{path}: the list of feeds cannot be read ({error.strerror or 'no such file'}). Set "
            "`feeds.addresses` to an OPML file, a text file with one address a line, or addresses "
            "separated by commas."
        ) from error
    return _in_opml(content, path) if content.lstrip()[:1] == b"<" else _in_text(content)


def _in_text(content: bytes) -> Iterator[Address]:
    for line in content.decode("utf-8-sig", errors="replace").splitlines():
        address = line.partition(" #")[0].strip()
        if address and not address.startswith("#"):
            yield Address(address)


def _in_opml(content: bytes, path: str) -> Iterator[Address]:
    from defusedxml import DefusedXmlException, ElementTree

    try:
        root = ElementTree.fromstring(content)
    except (ParseError, DefusedXmlException) as error:
        raise SettingError(
            f"{path}: the list of feeds is not valid OPML ({error}). Export it again from the feed "
            "reader, or write one address a line into a text file."
        ) from error
    for outline in root.iter("outline"):
        names = {name.lower(): value.strip() for name, value in outline.attrib.items()}
        if names.get("xmlurl"):
            yield Address(names["xmlurl"], names.get("title") or names.get("text", ""))
