"""Bytes of a dump to text: which encoding, and whether it is text at all."""

import codecs
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from newsclust_pipeline.core.errors import DumpError

_HEAD_BYTES = 1 << 18
_LONGEST_LINE = 1 << 24
# The longer marks first: the one of UTF-32 begins with the one of UTF-16.
_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def open_text(stream: BinaryIO, dump: str, warnings: list[str]) -> tuple[io.TextIOWrapper, str]:
    """Return a byte stream as text, in the encoding that its head shows, and that head.

    Args:
        stream: the bytes, at their start.
        dump: the name of the dump, for messages.
        warnings: takes a line if some bytes are not of the encoding.

    Raises:
        DumpError: the stream is empty or holds binary data.
    """
    buffered = io.BufferedReader(cast("Any", stream), _HEAD_BYTES)
    head = buffered.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    if not head:
        raise DumpError(f"{dump}: the file is empty. Replace it, or move it out of the way.")
    encoding = next((e for bom, e in _BOMS.items() if head.startswith(bom)), _without_bom(head))
    if encoding == "utf-8" and _is_binary(head):
        raise DumpError(
            f"{dump}: binary data, not text. Does the ending of the file's name fit its content?"
        )
    fallback = _Windows1252(dump, warnings)
    text = io.TextIOWrapper(buffered, encoding=encoding, errors=fallback.handler, newline="")
    return text, head.decode(encoding, errors="replace")  # it may end within a character


def decode_text(content: bytes, dump: str, warnings: list[str]) -> str:
    """Return bytes as text; those that are not UTF-8 as Windows-1252, with a warning."""
    return content.decode("utf-8", _Windows1252(dump, warnings).handler)


def read_lines(text: io.TextIOWrapper, dump: str) -> Iterator[str]:
    """Yield the lines of a text, each with its line end.

    Raises:
        DumpError: a line is so long that it could fill the memory.
    """
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise DumpError(
                f"{dump}: a line of more than {_LONGEST_LINE >> 20} million characters. "
                "One article or record a line is expected: convert it, or move it out of the way."
            )
        yield line


def _without_bom(head: bytes) -> str:
    """Return the encoding of a text without a byte order mark: its first letters are ASCII."""
    even, odd = any(head[:16:2]), any(head[1:16:2])
    if len(head) < 16 or even == odd:
        return "utf-8"
    return "utf-16-le" if even else "utf-16-be"


def _is_binary(head: bytes) -> bool:
    """Return True if more than 1 % of the bytes are control characters."""
    controls = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
    return controls > len(head) // 100


class _Windows1252:
    """Decode bytes that are not UTF-8 as Windows-1252, with one warning per dump.

    It decodes byte by byte, so that one wrong byte changes nothing else in the dump.
    """

    handler = "newsclust-windows-1252"

    def __init__(self, dump: str, warnings: list[str]) -> None:
        self._warning = f"{dump}: not all of it is UTF-8; the rest is read as Windows-1252"
        self._warnings = warnings
        codecs.register_error(self.handler, self._decode)

    def _decode(self, fault: UnicodeError) -> tuple[str, int]:
        if not isinstance(fault, UnicodeDecodeError):
            raise fault
        if self._warning not in self._warnings:
            self._warnings.append(self._warning)
        return fault.object[fault.start : fault.end].decode("cp1252", "replace"), fault.end
