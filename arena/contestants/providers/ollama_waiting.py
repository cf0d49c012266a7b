"""Ollama's stream, and while it is silent before its first word, why: the model is being loaded, or others are first.

Neither is in the stream: the server holds a request back until its model is in memory and its turn has come. So it is
asked for its list of models in memory (`ollama_ps`), now and then and for all silent requests together; who is in line
is told by the requests that this worker has open there itself. What cannot be told is not: then the contestant thinks.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from weakref import WeakKeyDictionary

import httpx

from arena.contestants.deltas import AnswerDelta, Delta, ReasoningDelta, Waiting, WaitReason
from arena.contestants.nearness import is_ollama_cloud
from arena.contestants.providers import ollama
from arena.contestants.providers.call import Call
from arena.contestants.providers.ollama_ps import Listing, look, short_name

FIRST_LOOK_S = 1.0
LOOK_EVERY_S = 2.5
# A server that has not answered so often in a row is not asked any more, until the next request.
MAX_FAILED_LOOKS = 3
# A model that is to be loaded is in the list after a look or two, unless there is no room for it.
LOOKS_FOR_ROOM = 2
# Two responses that have grown side by side for so long are answered at the same time, and not one after the other.
AT_ONCE_S = 2.0


def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
    """`ollama.stream` with `Waiting`s before its first text. No delta comes any later for it."""
    return ollama.stream(client, call) if is_ollama_cloud(call.model) else _watched(client, call)


async def _watched(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
    server = _server_of(client, call)
    async with aclosing(ollama.stream(client, call)) as deltas:
        with server.request(client, call) as request:
            async with aclosing(_until_text(deltas, request)) as beginning:
                async for delta in beginning:
                    yield delta
            async for delta in deltas:
                yield delta


async def _until_text(deltas: AsyncGenerator[Delta, None], request: "_Request") -> AsyncGenerator[Delta, None]:
    """The deltas up to the first text, and why there is none yet whenever that changes."""
    upcoming = asyncio.create_task(_next(deltas))
    try:
        while True:
            await asyncio.wait((upcoming, request.news), return_when=asyncio.FIRST_COMPLETED)
            if not upcoming.done():
                yield Waiting(request.heard())
                continue
            delta = upcoming.result()
            if delta is None:
                return
            if isinstance(delta, ReasoningDelta | AnswerDelta):
                request.begin()
                yield delta
                return
            upcoming = asyncio.create_task(_next(deltas))
            yield delta
    finally:
        upcoming.cancel()  # or the connection would stay open
        await asyncio.wait((upcoming,))
        if not upcoming.cancelled():
            upcoming.exception()  # nobody listens any more


async def _next(deltas: AsyncGenerator[Delta, None]) -> Delta | None:
    return await anext(deltas, None)


class _Request:
    """One that is open at a server. `news` is done when there is another reason for its silence."""

    def __init__(self, server: "_Server", model: str) -> None:
        self.model = model
        self.opened_at = _now()
        self.began_at: float | None = None
        self.reason: WaitReason | None = None
        self.looks = 0
        self.looks_absent = 0
        self.is_loaded = False  # its model has answered another request meanwhile
        self.news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._server = server

    def begin(self) -> None:
        """Its first text has come."""
        self.began_at = _now()
        self._server.settle()

    def see(self, listing: Listing) -> None:
        self.looks += 1
        is_present = listing.has(self.model)
        self.looks_absent = 0 if is_present else self.looks_absent + 1
        self.is_loaded = self.is_loaded and is_present

    def tell(self, reason: WaitReason | None) -> None:
        if reason != self.reason:
            self.reason = reason
            if not self.news.done():
                self.news.set_result(None)

    def heard(self) -> WaitReason | None:
        self.news = asyncio.get_running_loop().create_future()
        return self.reason


class _Server:
    """The requests that are open at one server, and what it said of its memory."""

    def __init__(self) -> None:
        self._requests: set[_Request] = set()
        self._at_once: dict[str, int] = {}
        self._listing: Listing | None = None
        self._before: Listing | None = None
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def request(self, client: httpx.AsyncClient, call: Call) -> Iterator[_Request]:
        request = _Request(self, short_name(call.model))
        self._requests.add(request)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(client, call))
        try:
            yield request
        finally:
            self._requests.discard(request)
            self.settle()

    def settle(self) -> None:
        """One request less is silent."""
        if self._silent():
            self._judge()
        elif self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self, client: httpx.AsyncClient, call: Call) -> None:
        failures = 0
        await asyncio.sleep(FIRST_LOOK_S)
        while failures < MAX_FAILED_LOOKS:
            listing = await look(client, call)
            failures = 0 if listing else failures + 1
            if listing:
                self._take(listing)
            await asyncio.sleep(LOOK_EVERY_S)
        for request in self._silent():
            request.tell(None)

    def _take(self, listing: Listing) -> None:
        self._listing, self._before = listing, self._listing
        for request in self._silent():
            # One that was asked just now may still be answered at once: it is left for the next look.
            if listing.looked_at - request.opened_at > FIRST_LOOK_S / 2:
                request.see(listing)
        self._judge()

    def _judge(self) -> None:
        side_by_side = Counter(other.model for other in self._requests if _began_before(other, _now() - AT_ONCE_S))
        for model, number in side_by_side.items():
            self._at_once[model] = max(number, self._at_once.get(model, 1))
        for request in self._silent():
            if self._listing and request.looks:
                request.tell(self._reason(request, self._listing))

    def _reason(self, request: _Request, listing: Listing) -> WaitReason | None:
        others = self._requests - {request}
        if not listing.has(request.model):
            if not any(listing.has(other.model) for other in others):
                return WaitReason.LOADING
            return WaitReason.QUEUED if request.looks_absent >= LOOKS_FOR_ROOM else request.reason
        if served := sum(other.model == request.model and other.began_at is not None for other in others):
            request.is_loaded = True
            if served >= self._at_once.get(request.model, 1):
                return WaitReason.QUEUED
        if request.is_loaded:
            return None
        is_new = listing.is_new(request.model, self._before)
        if is_new is None:  # it has only just appeared
            is_new = request.reason is WaitReason.LOADING
        return WaitReason.LOADING if is_new else None

    def _silent(self) -> list[_Request]:
        return [request for request in self._requests if request.began_at is None]


# By client, since a client belongs to one event loop and ends with it; by address and key.
_servers: WeakKeyDictionary[httpx.AsyncClient, dict[tuple[str, str], _Server]] = WeakKeyDictionary()


def _server_of(client: httpx.AsyncClient, call: Call) -> _Server:
    return _servers.setdefault(client, {}).setdefault((call.base_url, call.api_key), _Server())


def _began_before(request: _Request, moment: float) -> bool:
    return request.began_at is not None and request.began_at < moment


def _now() -> float:
    return asyncio.get_running_loop().time()
