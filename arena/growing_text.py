"""A text that comes in small pieces, kept in little more memory than its characters take. No Django here."""

# A piece of four characters takes sixty bytes as a string of its own: of so many one is made.
PIECES_MAX = 512


class GrowingText:
    """Append to it, and read it with `str()`, which costs a copy. It is true once anything was appended."""

    __slots__ = ("_chunks", "_pieces")

    def __init__(self, text: str = "") -> None:
        self._chunks: list[str] = []
        self._pieces = [text] if text else []

    def append(self, piece: str) -> None:
        self._pieces.append(piece)
        if len(self._pieces) == PIECES_MAX:
            self._chunks.append("".join(self._pieces))
            self._pieces.clear()

    def __str__(self) -> str:
        return "".join([*self._chunks, *self._pieces])

    def __bool__(self) -> bool:
        return bool(self._pieces or self._chunks)

    @property
    def last_char(self) -> str:
        """Of the latest piece; empty if that is."""
        latest = self._pieces or self._chunks
        return latest[-1][-1:] if latest else ""
