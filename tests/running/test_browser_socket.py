"""The web server's end of a socket, with real connections: long messages, and browsers that do not read."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import uvicorn

from arena.running import browser_socket
from arena.running.browser_socket import FRAGMENT_BYTES, OFFER, BrowserSocket

LIMIT_S = 60.0
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: arena\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
# With the longest text that one may have, and no mask.
PING = b"\x89\xfd\0\0\0\0" + b"x" * 125
PINGS = 30_000

Scope = MutableMapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Talk = Callable[[Scope, Send], Awaitable[None]]


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[int]:
    """A port whose sockets are accepted and then talked to."""

    async def application(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await talk(scope, send)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(application, ws=BrowserSocket, lifespan="off", log_config=None, log_level="critical")
        config.timeout_graceful_shutdown = 1
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{port}/", max_msg_size=0) as browser,
    ):
        yield browser


@asynccontextmanager
async def deaf(port: int) -> AsyncIterator[socket.socket]:
    """A browser that has connected, and does not read."""
    loop = asyncio.get_running_loop()
    with socket.socket() as browser:
        browser.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        browser.setblocking(False)
        await loop.sock_connect(browser, ("127.0.0.1", port))
        await loop.sock_sendall(browser, HANDSHAKE)
        yield browser


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, FRAGMENT_BYTES, FRAGMENT_BYTES * 3 + 1])
async def test_message_of_any_length_arrives_whole(length: int) -> None:
    text = ("é" * length)[:length]

    async def talk(scope: Scope, send: Send) -> None:
        await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.send", "text": "end"})

    async with serving(talk) as port, connected(port) as browser:
        assert await browser.receive_str(timeout=LIMIT_S) == text
        assert await browser.receive_str(timeout=LIMIT_S) == "end"


async def test_what_is_offered_is_written_at_once_in_its_place() -> None:
    offered: list[bool] = []

    async def talk(scope: Scope, send: Send) -> None:
        offer = scope["extensions"][OFFER]["offer"]
        await send({"type": "websocket.send", "text": "one"})
        offered.extend([offer("two"), offer("two"), offer("x" * FRAGMENT_BYTES)])
        await send({"type": "websocket.send", "text": "three"})
        await send({"type": "websocket.close"})
        offered.append(offer("four"))

    async with serving(talk) as port, connected(port) as browser:
        heard = [await browser.receive_str(timeout=LIMIT_S) for _ in range(4)]
        assert (await browser.receive(LIMIT_S)).type is aiohttp.WSMsgType.CLOSE
    assert heard == ["one", "two", "two", "three"]
    assert offered == [True, True, False, False]


async def test_browser_that_stops_reading_is_offered_little_and_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_socket, "STALLED_S", 0.5)
    ended: asyncio.Future[tuple[int, type]] = asyncio.get_running_loop().create_future()

    async def talk(scope: Scope, send: Send) -> None:
        offer = scope["extensions"][OFFER]["offer"]
        taken = 0
        while offer("x" * 1000):
            taken += 1000
        try:
            await send({"type": "websocket.send", "text": "x" * 10_000_000})
        except OSError as error:
            ended.set_result((taken, type(error)))

    async with serving(talk) as port, deaf(port):
        taken, error = await asyncio.wait_for(ended, LIMIT_S)
    assert taken < 1_000_000
    assert issubclass(error, OSError)


async def test_slow_browser_that_goes_on_reading_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "x" * 3_000_000

    async def talk(scope: Scope, send: Send) -> None:
        await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.close"})

    loop = asyncio.get_running_loop()
    received = 0
    async with serving(talk) as port, deaf(port) as browser, asyncio.timeout(LIMIT_S):
        while piece := await loop.sock_recv(browser, 20_000):
            received += len(piece)
            await asyncio.sleep(0)
            if piece.endswith(b"\x88\x02\x03\xe8"):  # a close frame, code 1000
                break
    assert received > len(text)


async def test_what_a_browser_sends_is_read_and_forgotten() -> None:
    async def talk(scope: Scope, send: Send) -> None:
        await send({"type": "websocket.send", "text": "hello"})

    async with serving(talk) as port, connected(port) as browser:
        assert await browser.receive_str(timeout=LIMIT_S) == "hello"
        for _ in range(50):
            await browser.send_str("{}")
        await browser.ping()


async def test_browser_that_asks_and_does_not_read_is_not_answered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, waiting_bytes = 0, list[int]()
    handle_ping = BrowserSocket.handle_ping
    all_asked = asyncio.Event()

    def note(browser: BrowserSocket) -> None:
        nonlocal asked
        asked += 1
        handle_ping(browser)
        waiting_bytes.append(browser.transport.get_write_buffer_size())
        if asked == PINGS:
            all_asked.set()

    async def talk(scope: Scope, send: Send) -> None:
        return

    monkeypatch.setattr(BrowserSocket, "handle_ping", note)
    async with serving(talk) as port, deaf(port) as browser:
        loop = asyncio.get_running_loop()
        assert b" 101 " in await loop.sock_recv(browser, 1000)
        await loop.sock_sendall(browser, PING * PINGS)
        await asyncio.wait_for(all_asked.wait(), LIMIT_S)
    assert max(waiting_bytes) < 1_000_000
