"""Requests and sockets that are too large, sent to the real web process: refused, and nothing is kept of them."""

import asyncio
import json
import socket
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

import pytest
import uvicorn
from asgiref.testing import ApplicationCommunicator
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.sync.client import connect

from arena.battles.models import Battle
from arena.running.limits import BoundedBodies, BoundedHeaders, Receive, Scope, Send
from tests.factories import make_finished_battle
from tests.live import LiveArena

pytestmark = pytest.mark.django_db(transaction=True)

MEGABYTE = 1_000_000
LIMIT_S = 60.0


@pytest.fixture
def connection(live_arena: LiveArena) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", live_arena.web.port), timeout=10)
    made.settimeout(10)
    return made


def send(connection: socket.socket, data: bytes) -> None:
    """All of it, or as much as a server takes that has already refused it."""
    with suppress(ConnectionError):
        connection.sendall(data)


def answer(connection: socket.socket) -> tuple[int, str]:
    """What the server says. One that closes without having read everything resets the connection after its words."""
    received = bytearray()
    with connection, suppress(ConnectionResetError):
        while data := connection.recv(65536):
            received += data
    text = received.decode()
    return int(text.split()[1]), text


def chunked(path: str, content_type: str, body: bytes, times: int) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: {content_type}\r\n"
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    return head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * times + b"0\r\n\r\n"


def test_json_of_no_stated_length_is_refused_above_the_limit(connection: socket.socket) -> None:
    send(connection, chunked("/api/v1/battles", "application/json", b" " * 100_000, 50))
    status, text = answer(connection)
    assert (status, "at most 1,000,000 bytes" in text) == (413, True)


def test_json_of_no_stated_length_is_taken_below_the_limit(connection: socket.socket) -> None:
    send(connection, chunked("/api/v1/battles", "application/json", json.dumps({"prompt": "2 + 2?"}).encode(), 1))
    assert answer(connection)[0] == 201
    assert Battle.objects.count() == 1


def test_uploaded_file_is_not_written_to_the_disk(connection: socket.socket) -> None:
    before = set(Path(gettempdir()).glob("*.upload"))
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    send(connection, chunked("/battles/", "multipart/form-data; boundary=x", head + b"x" * MEGABYTE, 5))
    assert 400 <= answer(connection)[0] < 500
    assert set(Path(gettempdir()).glob("*.upload")) == before


def test_headers_without_end_are_refused(connection: socket.socket) -> None:
    send(connection, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-More: " + b"x" * 100_000)
    assert answer(connection)[0] == 400


def test_headers_without_end_after_a_body_are_refused(connection: socket.socket) -> None:
    head = b"POST /battles/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na=\r\n0\r\n"
    send(connection, head + b"X-More: x\r\n" * MEGABYTE)
    assert answer(connection)[0] == 400


async def test_headers_after_a_body_are_none_of_the_request() -> None:
    heard: list[Scope] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            continue
        heard.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(application, http=BoundedHeaders, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        head = b"POST / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"2\r\na=\r\n0\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n")
        assert b"200" in await asyncio.wait_for(reader.readline(), LIMIT_S)
        writer.close()
        server.should_exit = True
        await serving
    assert [value for name, value in heard[0]["headers"] if name == b"x-forwarded-for"] == [b"192.0.2.1"]


def test_large_socket_message_closes_the_socket(live_arena: LiveArena) -> None:
    battle = make_finished_battle()
    with connect(f"{live_arena.socket_url}/ws/battles/{battle.pk}/") as browser:
        browser.recv(10)
        browser.send("x" * 100_000)
        with pytest.raises(ConnectionClosed) as closed:
            browser.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.MESSAGE_TOO_BIG


def test_socket_at_another_address_is_closed_without_a_traceback(live_arena: LiveArena) -> None:
    log = live_arena.web.log
    before = log.read_text()
    with connect(f"{live_arena.socket_url}/ws/elsewhere/") as astray, pytest.raises(ConnectionClosed) as closed:
        astray.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4404
    assert "Traceback" not in log.read_text()[len(before) :]


async def test_request_that_breaks_off_is_not_acted_on() -> None:
    asked: list[object] = []

    async def application(scope: object, *_: object) -> None:
        asked.append(scope)

    guarded = ApplicationCommunicator(BoundedBodies(application, limit=100), {"type": "http", "headers": []})
    await guarded.send_input({"type": "http.request", "body": b"half of a que", "more_body": True})
    await guarded.send_input({"type": "http.disconnect"})
    await guarded.wait(5)
    assert asked == []
