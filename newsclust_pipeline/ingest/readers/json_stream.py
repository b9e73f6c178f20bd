"""Decode the values of a long JSON text one after another."""

import json
from io import TextIOBase
from typing import Any

from newsclust_pipeline.core.errors import DumpError

_CHUNK = 1 << 16  # characters
MAX_VALUE = 1 << 24  # characters of one article


class ValueTooLongError(Exception):
    """A value is longer than `MAX_VALUE`; the stream still stands at its start."""


class JsonStream:
    """A cursor in a JSON text that may be larger than memory.

    The C decoder of the standard library reads each value from a buffer; if the buffer ends within
    the value, it is doubled. (Streaming parsers such as ijson refuse NaN and other encodings than
    UTF-8, which exports have.)
    """

    def __init__(self, text: TextIOBase, dump: str) -> None:
        self._text = text
        self._dump = dump
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._place = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that isn't white space; "" at the end."""
        while True:
            while self._place < len(self._buffer):
                if self._buffer[self._place] not in " \t\r\n\ufeff":
                    return self._buffer[self._place]
                self._place += 1
            if not self._fill():
                return ""

    def take(self) -> str:
        """Return that character and move past it."""
        character = self.peek()
        self._place += len(character)
        return character

    def value(self) -> Any:
        """Return the next value and move past it.

        Raises:
            ValueTooLongError: it is too long to be one article.
            DumpError: it is not JSON, or the text ends within it.
        """
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._place)
            except RecursionError:
                raise self._error("nested too deeply") from None
            except ValueError as fault:
                if self._fill():
                    continue
                raise self._error(str(fault)) from None
            if end == len(self._buffer) and self._fill():
                continue  # a number may go on
            self._place = end
            return value

    def _fill(self) -> bool:
        """Read on; return False at the end of the text."""
        rest = self._buffer[self._place :]
        if len(rest) >= MAX_VALUE:
            raise ValueTooLongError
        more = "" if self._ended else self._text.read(max(_CHUNK, len(rest)))
        self._ended = not more
        self._buffer, self._place = rest + more, 0
        return not self._ended

    def _error(self, fault: str) -> DumpError:
        return DumpError(
            f"{self._dump}: can't be read as JSON ({fault}). Replace the file with a whole one, or "
            "move it out of the way."
        )
