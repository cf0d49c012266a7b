"""The server's end of a browser's socket: uvicorn's own, but frugal, and rid of browsers that do not read."""

import asyncio
import contextlib
import socket
from asyncio.transports import BaseTransport
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

if TYPE_CHECKING:  # a name that only uvicorn's type checker needs
    from uvicorn._types import ASGISendEvent

# What waits for a browser is to wait here, where it can be replaced by something newer, and not in the kernel.
KERNEL_BUFFER_BYTES = 64 * 1024
# A long message leaves in fragments, each when there is room: so a browser that does not read costs no more than this.
FRAGMENT_BYTES = 32 * 1024
# A browser that has read next to nothing for so long has stopped, sleeps, or is gone: it comes back with its cursor.
STALLED_S = 30.0
# The extension of the ASGI scope under which an application finds `offer`.
OFFER = "arena.offer"

_TEXT, _CONTINUATION, _FINAL = 0x01, 0x00, 0x80
_encoded: tuple[str, bytes] = ("", b"")


class _Mailbox:
    """What there is to receive, for one who receives: an `asyncio.Queue` takes ten times the room, in every socket."""

    __slots__ = ("_messages", "_waiter")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._waiter: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:
        self._messages.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def empty(self) -> bool:
        return not self._messages

    async def get(self) -> Any:
        while not self._messages:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._messages.pop(0)


class BrowserSocket(WebSocketsSansIOProtocol):
    """What is sent here is text, and what browsers say is hardly read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue = _Mailbox()  # type: ignore[assignment]  # does what uvicorn asks of it
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
                if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: what nobody acknowledges ends the connection
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(2 * STALLED_S * 1000))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_stall()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._end_stall()
        super().resume_writing()

    def handle_ping(self) -> None:
        """Answers only a browser that reads: those to one that doesn't would pile up as fast as it asks."""
        answer = self.conn.data_to_send()
        if self.writable.is_set():
            self.transport.write(b"".join(answer))

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()  # to close would be to wait until the rest is read

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.scope["extensions"] is not None:
            self.scope["extensions"][OFFER] = {"offer": self.offer}
        event.headers.clear()  # the scope has them; the parser would keep its own for as long as the socket is open

    def offer(self, text: str) -> bool:
        """Send the text now. False, and nothing is sent, if that would have to wait: then `send` is the way."""
        if not self.writable.is_set() or not self._is_open or len(text) > FRAGMENT_BYTES // 4:
            return False
        self.transport.write(_single_frame(text))
        return True

    async def send(self, message: "ASGISendEvent") -> None:
        text: Any = message.get("text")
        if text is None or message["type"] != "websocket.send" or not self._is_open:
            await super().send(message)
            if message["type"] == "websocket.accept":
                self.response.headers.clear()
            return
        data = text.encode()
        opcode = _TEXT
        for start in range(0, len(data) or 1, FRAGMENT_BYTES):
            await self.writable.wait()
            if not self._is_open:
                raise ClientDisconnected
            piece = data[start : start + FRAGMENT_BYTES]
            is_last = start + FRAGMENT_BYTES >= len(data)
            self.transport.write(_header(opcode | (_FINAL if is_last else 0), len(piece)) + piece)
            opcode = _CONTINUATION

    @property
    def _is_open(self) -> bool:
        return self.handshake_complete and not (self.close_sent or self.disconnected or self.transport.is_closing())

    def _end_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


def _single_frame(text: str) -> bytes:
    """All who watch one battle are offered the same text one after another: it is encoded once."""
    global _encoded
    if text is not _encoded[0]:
        data = text.encode()
        _encoded = text, _header(_TEXT | _FINAL, len(data)) + data
    return _encoded[1]


def _header(first: int, length: int) -> bytes:
    """RFC 6455, section 5.2, unmasked as all that servers send."""
    if length < 126:
        return bytes((first, length))
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")
