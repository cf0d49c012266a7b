"""Browsers that stop reading, on a real web server: it holds nothing for them, and brings them up to date later."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import aiohttp
import redis
from channels.db import database_sync_to_async
from django.conf import settings

from arena.battles.event_log import LogState, publish
from arena.battles.events import Event, ResponseRestarted, TextDelta
from tests.bench.processes import rss_mb
from tests.factories import make_battle
from tests.live import WebProcess

LIMIT_S = 120.0
BROWSERS = 10
ROUNDS = 8
ENTRIES = 50
TEXT = "x" * 20_000  # so that one round is a megabyte


@asynccontextmanager
async def deaf_browser(web: WebProcess, battle_id: object) -> AsyncIterator[asyncio.StreamReader]:
    """On the battle's socket; what comes is not read before somebody asks for it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", web.port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=2048)
    writer.write(
        f"GET /ws/battles/{battle_id}/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    try:
        yield reader
    finally:
        writer.transport.abort()


async def next_message(reader: asyncio.StreamReader) -> str:
    """RFC 6455, section 5.2, of a server: unmasked, perhaps in fragments. Pings are passed over."""
    message = b""
    while True:
        first, length = await reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await reader.readexactly(8), "big")
        data = await reader.readexactly(length)
        if first & 0x0F in {0, 1}:
            message += data
            if first & 0x80:
                return message.decode()


async def read_to(state: LogState, receive: Callable[[], Awaitable[str]], end: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while (0, "A") not in state.responses or not state.responses[0, "A"].answer.endswith(end):
            state.apply(json.loads(await receive())["e"])


async def test_browsers_that_stop_reading_cost_no_memory_and_come_back_right(
    web_process: WebProcess, transactional_db: None
) -> None:
    battle = await database_sync_to_async(make_battle)()
    await asyncio.to_thread(web_process.ensure)
    assert web_process.process is not None
    pids = [web_process.process.pid]

    def say(*events: Event) -> None:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            publish(client, battle.pk, events)

    def say_a_round() -> None:
        """A megabyte, which then is of no worth any more."""
        for _ in range(ENTRIES):
            say(TextDelta("A", 0, "a", TEXT))
        say(TextDelta("A", 0, "a", "all"))
        say(ResponseRestarted("A", 0), TextDelta("A", 0, "a", "again"))

    keen = LogState()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        browser = await stack.enter_async_context(
            session.ws_connect(f"{web_process.url}/ws/battles/{battle.pk}/", max_msg_size=0)
        )
        deaf = [await stack.enter_async_context(deaf_browser(web_process, battle.pk)) for _ in range(BROWSERS)]
        await asyncio.to_thread(say_a_round)
        await read_to(keen, browser.receive_str, "again")
        before_mb = rss_mb(pids)
        for _ in range(ROUNDS):
            await asyncio.to_thread(say_a_round)
            await read_to(keen, browser.receive_str, "again")
        grown_mb = rss_mb(pids) - before_mb
        await asyncio.to_thread(say, TextDelta("A", 0, "a", " and the end"))
        await read_to(keen, browser.receive_str, "end")
        assert grown_mb < BROWSERS * ROUNDS / 5, "what was not read has been kept"
        woken = LogState()
        await read_to(woken, partial(next_message, deaf[0]), "end")
        assert woken.responses[0, "A"].answer == keen.responses[0, "A"].answer == "again and the end"
