"""What comes too often from one address is refused before a thread, a session or the database is asked for it."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from arena.problem_json import API_ROOT, Problem, problem_response
from arena.sent_again import fields_of
from arena.teams.api import SAFE_METHODS
from arena.teams.errors import AccountNeeded, InvitationNeeded, TooMany
from arena.teams.limits import AsyncCounts, Deed, address_refused, of_address
from arena.teams.networks import network_of

# After a deed of an address others of the same one that wait are held back for so long. SQLite keeps no queue of its
# writers: who waits looks again every 100 ms, and was passed over for six seconds by one thread that never paused.
PAUSE_S = 0.01

_DEEDS = re.compile(
    r"(?P<ASK>(?:/api/v1)?/battles(?:/[^/]+/turns|/[^/]+/responses/[^/]+/retry)?/?)"
    r"|(?P<VOTE>(?:/api/v1)?/battles/[^/]+/ballot/?)"
    r"|(?P<SIGN_IN>/(?:accounts|admin)/login/)"
)

Answer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def deed_of(request: HttpRequest) -> Deed | None:
    """What this request wants done that is counted, if anything."""
    if request.method in SAFE_METHODS:
        return None
    found = _DEEDS.fullmatch(request.path_info)
    return Deed[str(found.lastgroup)] if found else None


class Gate:
    """Stands before what answers in a thread."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._counts: AsyncCounts | None = None
        self._lanes: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        deed = deed_of(request)
        if deed is None:
            return await self._answer(request)
        network = network_of(request)
        allowance = of_address(deed, network)
        if not allowance.times:
            return await self._answer(request)
        self._counts = self._counts or AsyncCounts()  # not before there is an event loop
        if wait_s := await self._counts.wait_s(f"address:{deed.value}:{network}", allowance):
            return await self._turn_away(request, address_refused(deed, allowance, wait_s))
        async with self._lane(network):
            return await self._answer(request)

    async def close(self) -> None:
        """Before its event loop ends."""
        if self._counts:
            await self._counts.close()

    async def _turn_away(self, request: HttpRequest, refusal: TooMany) -> HttpResponseBase:
        if request.path_info.startswith(API_ROOT):
            return _problem(refusal)
        request.refused_at_the_gate = refusal  # type: ignore[attr-defined]  # for the middleware below
        return await self._answer(request)

    @asynccontextmanager
    async def _lane(self, network: str) -> AsyncIterator[None]:
        """One deed of an address after another: a thread for each would keep everybody else waiting."""
        lane = self._lanes.setdefault(network, asyncio.Lock())
        self._waiting[network] += 1
        try:
            async with lane:
                yield
                if self._waiting[network] > 1:
                    await asyncio.sleep(PAUSE_S)
        finally:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network], self._lanes[network]


class RefusalMiddleware(MiddlewareMixin):
    """Answers where the gate has refused, with the headers of any page, and where a view refuses a person and not what
    they want. A 429 asks neither the database nor Redis, and no session."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        refusal = getattr(request, "refused_at_the_gate", None)
        return _page(request, refusal) if refusal else None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, TooMany):
            return _page(request, error)
        if isinstance(error, AccountNeeded):
            return redirect_to_login("/")
        if isinstance(error, InvitationNeeded):
            return render(request, "403.html", {"sentence": str(error)}, status=error.status)
        return None


def _problem(refusal: TooMany) -> HttpResponse:
    response = problem_response(Problem(refusal.status, str(refusal), retry_after_s=refusal.retry_after_s))
    response["Cache-Control"] = "no-store"
    return response


def _page(request: HttpRequest, refusal: TooMany) -> HttpResponse:
    context = {"sentence": str(refusal), "path": request.get_full_path(), "fields": fields_of(request.POST)}
    page = render(None, "429.html", context, status=refusal.status)
    page["Retry-After"] = str(refusal.retry_after_s)
    page["Cache-Control"] = "no-store"
    page._has_been_logged = True  # type: ignore[attr-defined]  # or Django would log each as a warning
    return page
