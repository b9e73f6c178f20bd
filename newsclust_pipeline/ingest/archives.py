"""Packed dumps: members of zip archives, compressed streams, a bound on what they unpack to."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO, cast

import pyarrow as pa

from newsclust_pipeline.core.errors import DumpError

# News shrinks to a fifth when it is packed, hardly ever to a hundredth. Small dumps may.
MAX_RATIO = 100
MIN_ALLOWANCE = 1 << 30
_XZ_MEMORY = 1 << 28
_CHUNK = 1 << 16


@dataclass
class Allowance:
    """Bound on the bytes that a packed dump may unpack to: an archive can be made to fill a disk.

    Attributes:
        name: the packed dump, for messages.
        left: bytes that it may still unpack to.
    """

    name: str
    left: int

    @classmethod
    def of(cls, path: Path, name: str) -> "Allowance":
        """Return the allowance of a file, by its size."""
        return cls(name, max(MIN_ALLOWANCE, MAX_RATIO * path.stat().st_size))

    def watch(self, stream: BinaryIO) -> BinaryIO:
        """Return the stream, of which every byte that is read is counted."""
        return io.BufferedReader(_CountedStream(stream, self))

    def spend(self, count: int) -> None:
        """Count bytes that were unpacked.

        Raises:
            DumpError: they are more than a dump of news could be.
        """
        self.left -= count
        if self.left < 0:
            raise DumpError(
                f"{self.name}: unpacks to more than {MAX_RATIO} times its size. If you trust the "
                "file, unpack it yourself and put the result in its place."
            )


class _CountedStream(io.RawIOBase):
    """Bytes of a packed stream, counted by an allowance."""

    def __init__(self, stream: BinaryIO, allowance: Allowance) -> None:
        self._stream, self._allowance = stream, allowance

    def readable(self) -> bool:
        """Return True: the stream can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer and return the number of bytes."""
        content = self._stream.read(len(buffer))
        self._allowance.spend(len(content))
        buffer[: len(content)] = content
        return len(content)


def open_packed(stream: BinaryIO, name: str, allowance: Allowance) -> BinaryIO:
    """Return the unpacked content of a stream if the name says that it is packed."""
    opener = next((o for end, o in _OPENERS.items() if name.lower().endswith(end)), None)
    return allowance.watch(opener(stream)) if opener else stream


def _open_gzip(stream: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(fileobj=stream))


def _open_bz2(stream: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", bz2.BZ2File(stream))


def _open_zstd(stream: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd"))


def _open_xz(stream: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", _XzStream(stream))


_OPENERS: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    ".gz": _open_gzip,
    ".bz2": _open_bz2,
    ".xz": _open_xz,
    ".zst": _open_zstd,
}
PACKINGS = tuple(_OPENERS)


class _XzStream:
    """An xz stream whose header can't make the decoder take more than `_XZ_MEMORY`.

    The module `lzma` bounds memory only in its decompressor, not in its file class.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_XZ_MEMORY)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none at the end.

        Raises:
            EOFError: the stream is cut off.
            lzma.LZMAError: it is damaged, or needs too much memory.
        """
        while True:
            if self._decoder.eof:  # several streams in one file, perhaps with padding between them
                more = (self._decoder.unused_data or self._stream.read(_CHUNK)).lstrip(b"\0")
                if not more:
                    return b""
                self._decoder = lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_XZ_MEMORY)
            else:
                more = self._stream.read(_CHUNK) if self._decoder.needs_input else b""
                if not more and self._decoder.needs_input:
                    raise EOFError("the compressed stream has no end")
            content = self._decoder.decompress(more, size)
            if content:
                return content


def list_members(name: str, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files in an archive, by name.

    Raises:
        DumpError: a name leads out of the archive.
    """
    members = [info for info in archive.infolist() if not info.is_dir()]
    _refuse_outside_names(name, [info.filename for info in members])
    return sorted(members, key=lambda info: info.filename)


def open_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, allowance: Allowance
) -> BinaryIO:
    """Return the content of a member. It is read in place, so nothing is written to the disk."""
    return allowance.watch(cast("BinaryIO", archive.open(member)))


def _refuse_outside_names(archive: str, members: Iterable[str]) -> None:
    for name in members:
        parsed = PureWindowsPath(name)  # knows drives, and both kinds of slash
        if parsed.drive or parsed.root or ".." in parsed.parts:
            raise DumpError(
                f"{archive}: refused, because it names a place outside of the archive ({name!r}). "
                "Pack its dumps again under plain names."
            )
