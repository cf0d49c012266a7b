"""Which errors say that a server did not take the request on: only after these may a paid contestant be asked again."""

import asyncio
import socket

import httpx
import pytest

from arena.contestants.errors import ProviderError, Unreachable
from arena.contestants.providers import openai_chat
from arena.contestants.providers.call import Call
from tests.contestants.protocols import OPENAI
from tests.contestants.servers import Answer, Asked, Connection, serving

LIMIT_S = 60


async def failure_at(client: httpx.AsyncClient, url: str) -> ProviderError:
    call = Call(base_url=f"{url}/v1", model="m", messages=({"role": "user", "content": "Why?"},))
    with pytest.raises(ProviderError) as caught:
        async with asyncio.timeout(LIMIT_S):
            async for _ in openai_chat.stream(client, call):
                pass
    return caught.value


async def failure_of(client: httpx.AsyncClient, answer: Answer) -> tuple[ProviderError, str]:
    async with serving(answer) as server:
        return await failure_at(client, server.url), server.url


@pytest.mark.parametrize(
    ("status", "was_refused"),
    [(429, True), (500, True), (502, True), (503, True), (529, True), (401, True), (408, False), (504, False)]
    + [(524, False)],
)
async def test_error_in_place_of_a_response_is_a_refusal_unless_a_proxy_gave_up(
    http_client: httpx.AsyncClient, status: int, was_refused: bool
) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.reply({"error": {"message": "no"}}, status)

    error, url = await failure_of(http_client, answer)
    assert (error.status, error.was_refused) == (status, was_refused)
    assert error.where == f"{url}/v1/chat/completions"


async def test_server_that_is_not_there_has_refused(http_client: httpx.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    error = await failure_at(http_client, f"http://127.0.0.1:{port}")
    assert (type(error), error.was_refused, error.status) == (Unreachable, True, None)


async def test_server_that_hangs_up_before_an_answer_may_have_been_at_work(http_client: httpx.AsyncClient) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        pass

    error, _ = await failure_of(http_client, answer)
    assert (type(error), error.was_refused) == (Unreachable, False)


async def test_half_a_head_may_have_been_at_work(http_client: httpx.AsyncClient) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-")

    error, _ = await failure_of(http_client, answer)
    assert (type(error), error.was_refused) == (Unreachable, False)


BUSY = b'data: {"error": {"code": "rate_limit_exceeded"}}\n\n'


@pytest.mark.parametrize("data", [OPENAI.begin, b"", b"<html>", BUSY])
async def test_what_was_accepted_was_not_refused(http_client: httpx.AsyncClient, data: bytes) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head()
        await connection.send(data)

    error, url = await failure_of(http_client, answer)
    assert (error.status, error.was_refused) == (200, False)
    assert error.where == f"{url}/v1/chat/completions"
