"""Server-sent events out of bytes, as the HTML standard has them, and as some servers bend them.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
Bent in four places. A field named `error`, which llama-server once sent, is taken as an event of that name.
An event that the end of the stream cut off before its blank line is delivered all the same. An event is bounded, as a
line is. And what is no event stream at all is kept as `foreign`: servers answer with JSON or HTML in spite of what was
asked.
"""

from arena.contestants.errors import TooLarge
from arena.contestants.providers.lines import MAX_LINE_BYTES, Lines

# What keeping a line costs beside its text: empty ones are not free.
LINE_COST_BYTES = 64

_BOM = b"\xef\xbb\xbf"

# Name ("" for plain messages) and data.
ServerEvent = tuple[str, str]


class EventStream:
    __slots__ = ("_data", "_data_size", "_foreign", "_foreign_size", "_is_first_line", "_lines", "_name", "has_events")

    def __init__(self) -> None:
        self.has_events = False
        self._lines = Lines(universal=True)
        self._is_first_line = True
        self._name = ""
        self._data: list[bytes] = []
        self._data_size = 0
        self._foreign: list[bytes] = []
        self._foreign_size = 0

    def feed(self, data: bytes) -> list[ServerEvent]:
        """The events that are complete now. Raises TooLarge."""
        events: list[ServerEvent] = []
        for line in self._lines.feed(data):
            self._read(line, events)
        return events

    def close(self) -> list[ServerEvent]:
        """The event that the end of the stream cut short, if any."""
        events: list[ServerEvent] = []
        self._read(self._lines.close(), events)
        self._read(b"", events)
        return events

    @property
    def foreign(self) -> str:
        """What came instead of events."""
        return "" if self.has_events else b"\n".join(self._foreign).decode(errors="replace").strip()

    def _read(self, line: bytes, events: list[ServerEvent]) -> None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BOM)
        if line.startswith(b"data:"):
            if self._data:
                self._measure()
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif not line:
            self._dispatch(events)
        elif not line.startswith(b":"):
            self._read_rare(line, events)

    def _read_rare(self, line: bytes, events: list[ServerEvent]) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field in (b"event", b"id", b"retry"):
            self.has_events = True  # or the beginning of one
            if field == b"event":
                self._name = value.decode(errors="replace")
        elif field == b"data":
            self._measure()
            self._data.append(b"")
        elif field == b"error":
            self.has_events = True
            events.append(("error", value.decode(errors="replace")))
        elif not self.has_events and self._foreign_size < MAX_LINE_BYTES:
            self._foreign.append(line)
            self._foreign_size += len(line) + LINE_COST_BYTES

    def _measure(self) -> None:
        """Bounds an event of many lines. Raises TooLarge."""
        self._data_size += len(self._data[-1]) + LINE_COST_BYTES if self._data else 0
        if self._data_size > MAX_LINE_BYTES:
            raise TooLarge(f"an event of more than {MAX_LINE_BYTES} bytes")

    def _dispatch(self, events: list[ServerEvent]) -> None:
        if self._data:
            self.has_events = True
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            # Complete lines never end inside a character, so they can be decoded one by one.
            events.append((self._name, data.decode(errors="replace")))
            self._data.clear()
            self._data_size = 0
        self._name = ""
