"""What a request may cost before anything has looked at it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTENT_LENGTH = b"content-length"
# So much more is read and dropped: answered in mid-body, a browser would show a lost connection instead of the answer.
DRAINED_BYTES = 50_000_000
HEADERS_MAX_BYTES = 64 * 1024


class ClientLeft(Exception):
    """Before its request was complete."""


class BoundedBodies:
    """Reads the body before the application does, and keeps no more than `limit` bytes.

    Django itself writes bodies of any size to the disk, and believes a request that does not state its length. Here
    a body that is too large arrives empty, under a length that Django refuses in its own words.
    """

    def __init__(self, application: Application, *, limit: int) -> None:
        self._application = application
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._read(receive)
        except ClientLeft:
            return
        if body is None:
            headers = [(name, value) for name, value in scope["headers"] if name != CONTENT_LENGTH]
            scope = {**scope, "headers": [*headers, (CONTENT_LENGTH, b"%d" % (self._limit + 1))]}
        unread = [{"type": "http.request", "body": body or b"", "more_body": False}]

        async def receive_again() -> Mapping[str, Any]:
            return unread.pop() if unread else await receive()

        await self._application(scope, receive_again, send)

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body; None if it is too large."""
        body = bytearray()
        size = 0
        more = True
        while more and size <= self._limit + DRAINED_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            size += len(message.get("body", b""))
            if size <= self._limit:
                body += message.get("body", b"")
            more = message.get("more_body", False)
        return bytes(body) if size <= self._limit else None


class BoundedHeaders(HttpToolsProtocol):
    """uvicorn's fast reader of requests, which would gather headers without end, and take those that follow a body for
    the request's own: a visitor could add to what our proxy has written."""

    _awaits_headers = True
    _bytes_between = 0  # since the last byte of a body, or since the headers were complete

    def data_received(self, data: bytes) -> None:
        self._bytes_between += len(data)
        super().data_received(data)
        if self._bytes_between > HEADERS_MAX_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        self._awaits_headers = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._awaits_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._awaits_headers = False
        self._bytes_between = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._bytes_between = 0
        super().on_body(body)
