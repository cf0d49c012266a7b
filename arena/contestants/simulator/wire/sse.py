"""Server-sent events, and the odd ways in which they may be written too."""

import json
import re

CONTENT_TYPE = "text/event-stream; charset=utf-8"
encode = json.JSONEncoder(separators=(",", ":")).encode
_DATA = re.compile(rb"^data: ", re.MULTILINE)


def encoded(value: object) -> bytes:
    return encode(value).encode()


def event(value: object, name: str = "") -> bytes:
    if name:
        return b"event: %b\ndata: %b\n\n" % (name.encode(), encoded(value))
    return b"data: %b\n\n" % encoded(value)


def odd_start() -> bytes:
    return b"\xef\xbb\xbf: simulated\n\n"


def oddly(part: bytes, number: int) -> bytes:
    """The same events, written as few servers write them."""
    if not part:
        return part
    return (
        part.replace(b"\n", b"\r\n"),
        b": keep-alive\n\n" + part,
        _DATA.sub(b"data:", part),
        b"retry: 1000\n" + part,
        # a field with several data lines, which are joined with a line feed
        part.replace(b',"', b',\ndata: "', 1),
    )[number % 5]
