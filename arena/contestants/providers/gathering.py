"""A transport that lets the bytes of a stream gather between reads: a read costs the same, however little it brings."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

# A chunk of this size says that more is there already: it is read at once.
LARGE_CHUNK_BYTES = 8 * 1024

Pause = Callable[[], Awaitable[None]]


class GatheringTransport(httpx.AsyncBaseTransport):
    """Awaits `pause` after each small chunk of a response, before it reads on. The first chunk is never held back."""

    def __init__(self, transport: httpx.AsyncBaseTransport, pause: Pause) -> None:
        self._transport = transport
        self._pause = pause

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _GatheringStream(response.stream, self._pause)
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()


class _GatheringStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, pause: Pause) -> None:
        self._stream = stream
        self._pause = pause

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk
            if len(chunk) < LARGE_CHUNK_BYTES:
                await self._pause()

    async def aclose(self) -> None:
        await self._stream.aclose()
