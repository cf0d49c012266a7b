"""One request to a model server over HTTP: its failures become ProviderErrors, its bytes go through a parser."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream, map_aiohttp_exceptions

from arena.contestants.deltas import Delta
from arena.contestants.errors import BadRequest, Garbage, ModelGone, ProviderError, Unreachable
from arena.contestants.providers.failures import ServerError, provider_error, server_error
from arena.contestants.providers.parsing import Parser
from arena.contestants.providers.values import parse_json
from arena.masking import secrets_of_url

CONNECT_TIMEOUT_S = 10.0
# After the terminal mark: how long to wait for token counts, or for the end of a stream that never ends.
TAIL_S = 5.0
MAX_ERROR_BYTES = 64 * 1024
# As much as httpx itself takes; aiohttp's own limit is below what some proxies send.
MAX_HEADER_BYTES = 100 * 1024
ERROR_BODY_TIMEOUT_S = 10.0
MAX_ADAPTATIONS = 5
# A chunk of this size says that more is there already: it is read at once.
LARGE_CHUNK_BYTES = 8 * 1024
NO_SUCH_CALL = (404, 405, 501)
# A proxy gave up waiting: the server behind it may be at work, and its work be billed.
PERHAPS_AT_WORK = (408, 504, 524)

Body = dict[str, object]

_USER = re.compile(r"//[^/]*@")

# httpx-aiohttp lets some of aiohttp's own errors through.
BROKEN = (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError)


@dataclass(frozen=True, slots=True)
class Request:
    """`other_urls` are tried in turn where the server has no such call."""

    url: str = field(repr=False)
    body: Body = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    api_key: str = field(default="", repr=False)
    other_urls: tuple[str, ...] = field(default=(), repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What this server is told, and must not tell on."""
        return (self.api_key, *secrets_of_url(self.url))

    @property
    def where(self) -> str:
        """The address for the log."""
        return _address(self.url)


def _address(url: str) -> str:
    """Without user, password or query."""
    return _USER.sub("//", url.partition("?")[0])


Pause = Callable[[], Awaitable[None]]

# Given a request's body and why it was refused: the body to try next, or None.
Adapt = Callable[[Body, ServerError], Body | None]


class _Transport(AiohttpTransport):
    """httpx has made a header of the user and password in a URL; aiohttp would not have both."""

    def __init__(self, pause: Pause | None, **options: Any) -> None:
        super().__init__(**options)
        self._pause = pause

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.userinfo:
            request.url = request.url.copy_with(userinfo=b"")
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, AiohttpResponseStream)
        response.stream = _WholeStream(response.stream._aiohttp_response, self._pause)
        return response


class _WholeStream(AiohttpResponseStream):
    """What had arrived when the connection broke comes before the error; aiohttp keeps it and gives only the error."""

    def __init__(self, response: aiohttp.ClientResponse, pause: Pause | None) -> None:
        super().__init__(response)
        self._pause = pause

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._aiohttp_response.content
        _end_with_connection(self._aiohttp_response)
        with map_aiohttp_exceptions():
            try:
                while chunk := await content.readany():
                    yield chunk
                    if self._pause is not None and len(chunk) < LARGE_CHUNK_BYTES:
                        with _left_unread(self._aiohttp_response):
                            await self._pause()
            except BROKEN:
                content._exception = None
                if arrived := content.read_nowait():
                    yield arrived
                raise


@contextmanager
def _left_unread(response: aiohttp.ClientResponse) -> Iterator[None]:
    """What comes meanwhile waits in the system's buffer, and is then read at once: token by token costs more than all
    else that is done to it."""
    transport = response.connection.transport if response.connection else None
    if transport is None or not transport.is_reading():
        yield
        return
    transport.pause_reading()
    try:
        yield
    finally:
        transport.resume_reading()


def _end_with_connection(response: aiohttp.ClientResponse) -> None:
    """Where the framing of a body breaks (a chunk of no size), aiohttp hangs up and lets its reader wait."""
    protocol = response.connection.protocol if response.connection else None
    if protocol is None:  # the body is here already
        return

    def end(closed: asyncio.Future[None] | None = None) -> None:
        if closed and not closed.cancelled():
            closed.exception()  # looked at, or asyncio would complain
        if not response.content.is_eof() and response.content.exception() is None:
            response.content.set_exception(aiohttp.ClientPayloadError("the connection closed inside the body"))

    if protocol.closed:
        protocol.closed.add_done_callback(end)
    else:
        end()


def make_client(*, pause: Pause | None = None) -> httpx.AsyncClient:
    """The client that all streams of an event loop share; close it with `aclose`.

    `pause` is awaited after each small chunk of a response, before it is read on: a read costs the same, however little
    it brings. The first chunk is never held back.

    Its interface is httpx's and its engine aiohttp's: httpx's own connection pool is scanned at every event and costs
    several times as much at a hundred streams. There is no read time-out: how long a contestant may be silent is the
    caller's rule. Each request has a connection of its own: a POST on a kept one fails where its server is just closing
    it, as small servers do without a word, and a response takes far longer than a handshake. `identity` keeps proxies
    from gathering a stream in order to compress it. The environment's proxies are not used: they would be asked for
    servers on this machine too.
    """
    tls = httpx.create_ssl_context()

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, force_close=True, ssl=tls)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )

    return httpx.AsyncClient(
        transport=_Transport(pause, verify=tls, client=session),
        timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
        headers={"Accept-Encoding": "identity", "User-Agent": "reasoning-arena"},
        follow_redirects=False,
        trust_env=False,
    )


async def stream_request(
    client: httpx.AsyncClient, request: Request, parser: Parser, *, adapt: Adapt | None = None
) -> AsyncGenerator[Delta, None]:
    """The deltas of one response, a Finish last. Raises ProviderError. Closing it closes the connection at once."""
    parser.text.hide(request.secrets)
    try:
        response = await _open(client, request, adapt)
    except ProviderError as error:
        _forget_causes(error)
        raise
    broken = ""
    try:
        chunks = _chunks(response)
        async for data in chunks:
            for delta in parser.feed(data):
                yield delta
            if parser.is_complete or parser.is_ended:
                break
        if not parser.is_ended:
            async for delta in _tail(chunks, parser):
                yield delta
    except BROKEN as error:
        broken = f": {error!r}"
    finally:
        await _close(response)
    for delta in parser.close():
        yield delta
    if parser.error is not None:
        parser.error.where, parser.error.status = request.where, response.status_code
        parser.error.add_note(f"from {request.where}{broken}")
        _forget_causes(parser.error)
        raise parser.error


def _forget_causes(error: ProviderError) -> None:
    """What the libraries have raised holds the whole request, key included, and whatever the server sent."""
    error.__cause__ = error.__context__ = None


async def _open(client: httpx.AsyncClient, request: Request, adapt: Adapt | None) -> httpx.Response:
    """The response, once the server has accepted the request, if need be in a form that suits it better."""
    body = request.body
    for _ in range(MAX_ADAPTATIONS):
        response = await _send(client, request, body)
        if response.is_success:
            return response
        error = await _server_error(response)
        failure = provider_error(error, headers=response.headers, where=request.where, api_key=request.api_key)
        failure.where, failure.status = request.where, response.status_code
        if response.has_redirect_location:
            failure.add_note(f"it redirects to {_address(response.headers['Location'])}")
        failure.was_refused = response.status_code not in PERHAPS_AT_WORK
        other = adapt(body, error) if adapt else None
        if other is not None and other != body:
            body = other
        elif request.other_urls and error.status in NO_SUCH_CALL and not isinstance(failure, ModelGone):
            request = replace(request, url=request.other_urls[0], other_urls=request.other_urls[1:])
        else:
            raise failure
    raise BadRequest(f"{request.where} refused the request in {MAX_ADAPTATIONS} forms")


async def _send(client: httpx.AsyncClient, request: Request, body: Body) -> httpx.Response:
    headers = {"Content-Type": "application/json", "Accept": "*/*", **request.headers}
    try:
        content = json.dumps(body, allow_nan=False).encode()
        url = httpx.URL(request.url)
        if "Authorization" in headers:  # or httpx would put the user and password of the URL in its place
            url = url.copy_with(userinfo=b"")
        message = client.build_request("POST", url, content=content, headers=headers)
        return await client.send(message, stream=True)
    except aiohttp.ClientResponseError as error:
        failure: ProviderError = Garbage(f"{request.where}: not HTTP: {' '.join(error.message.split())}")
        failure.where = request.where
        raise failure from None
    except BROKEN as error:
        failure = Unreachable(f"{request.where}: {error!r}")
        failure.where, failure.was_refused = request.where, _has_no_connection(error)
        raise failure from None
    except (httpx.InvalidURL, ValueError, TypeError) as error:  # a base_url that no request can carry
        raise BadRequest(f"{request.where}: {type(error).__name__}") from None


def _has_no_connection(error: BaseException) -> bool:
    """httpx-aiohttp calls it a ConnectTimeout, too, when a server hangs up before it answers: aiohttp's error tells."""
    cause = error.__cause__ or error
    return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes; decompressed where a proxy compressed it all the same.

    The bare stream, since `aiter_raw` adds a third to what a token costs.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        return response.aiter_bytes()
    return aiter(cast(httpx.AsyncByteStream, response.stream))


async def _tail(chunks: AsyncIterator[bytes], parser: Parser) -> AsyncGenerator[Delta, None]:
    """What comes after the terminal mark, for a short while, and longer where the text goes on after all."""
    clock = asyncio.get_running_loop().time
    until = clock() + TAIL_S
    while not parser.is_ended and (data := await _next(chunks, until)) is not None:
        for delta in parser.feed(data):
            until = clock() + TAIL_S
            yield delta


async def _next(chunks: AsyncIterator[bytes], until: float) -> bytes | None:
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            return await anext(chunks, None)
    return None


async def _server_error(response: httpx.Response) -> ServerError:
    body = bytearray()
    try:
        async with asyncio.timeout(ERROR_BODY_TIMEOUT_S):
            async for data in _chunks(response):
                body += data
                if len(body) > MAX_ERROR_BYTES:
                    break
    except BROKEN:  # TimeoutError is an OSError
        pass
    finally:
        await _close(response)
    text = bytes(body[:MAX_ERROR_BYTES]).decode(errors="replace")
    try:
        return server_error(response.status_code, parse_json(text))
    except ValueError:
        return server_error(response.status_code, text)


async def _close(response: httpx.Response) -> None:
    with suppress(*BROKEN):
        await response.aclose()
