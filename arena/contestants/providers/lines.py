"""A stream of bytes cut into lines, without ever holding more than one line of bounded size."""

from arena.contestants.errors import TooLarge

# A server may put a whole response into one line, each character as a six-byte escape.
MAX_LINE_BYTES = 16 * 1024 * 1024


class Lines:
    r"""Splits at \n, and with `universal` at \r\n and \r as well; at nothing else.

    Bytes, not text: `str.splitlines` (and with it `httpx.Response.iter_lines`) also splits at U+0085, U+2028
    and others, which stand unescaped inside JSON strings.
    """

    __slots__ = ("_is_universal", "_rest", "_skip_newline")

    def __init__(self, *, universal: bool = False) -> None:
        self._is_universal = universal
        # Not a list of the pieces: a line may come byte by byte, and an object for each would cost many times its size.
        self._rest = bytearray()
        self._skip_newline = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now. Raises TooLarge."""
        if self._is_universal and data:
            data = self._normalised(data)
        *lines, rest = data.split(b"\n")
        if lines and self._rest:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        if rest:
            self._rest += rest
            if len(self._rest) > MAX_LINE_BYTES:
                raise TooLarge(f"a line of more than {MAX_LINE_BYTES} bytes")
        return lines

    def close(self) -> bytes:
        """What came after the last line break."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest

    def _normalised(self, data: bytes) -> bytes:
        if self._skip_newline and data[0] == 10:
            data = data[1:]
            self._skip_newline = False
            return self._normalised(data) if data else data
        self._skip_newline = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
