"""A small HTTP server on a loopback port that answers as a test tells it."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

REASON = "Reason"
# Of the event loop, from a connection that was accepted just now to the task that will close it.
STEPS_TO_A_HANDLER = 10


@dataclass
class Asked:
    """A request as the server got it."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, object]:
        body: dict[str, object] = json.loads(self.content)
        return body


@dataclass
class Connection:
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int = 200, **headers: str) -> None:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [
            f"HTTP/1.1 {status} {REASON}",
            "Connection: close",
            *(f"{key}: {value}" for key, value in names.items()),
        ]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    async def reply(self, body: object, status: int = 200, **headers: str) -> None:
        """A whole response: JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.head(status, Content_Length=str(len(data)), **headers)
        await self.send(data)

    async def gone(self) -> None:
        """Returns when the other side has closed, or broken off."""
        with suppress(ConnectionError):
            await self.reader.read()


Answer = Callable[[Asked, Connection], Awaitable[None]]


@dataclass
class Server:
    url: str
    asked: list[Asked] = field(default_factory=list)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncGenerator[Server, None]:
    """The server closes the connection when `answer` returns."""
    server = Server("")
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        handlers.add(task)
        try:
            asked = await read_request(reader)
            server.asked.append(asked)
            await answer(asked, Connection(writer, reader))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            handlers.discard(task)

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for _ in range(STEPS_TO_A_HANDLER):
            await asyncio.sleep(0)
        for handler in handlers:
            handler.cancel()
        if handlers:
            await asyncio.wait(handlers)
        await listener.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    content = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, content)


@contextmanager
def serving_aside(answer: Answer) -> Iterator[Server]:
    """The same for tests of synchronous code: the server runs in a thread with a loop of its own."""
    ready = threading.Event()
    started: list[Server] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with serving(answer) as server:
            started.append(server)
            ready.set()
            await stop.wait()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
