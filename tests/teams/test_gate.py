"""What comes too often from one address is refused before anything is asked of the database."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import AsyncRequestFactory, Client, RequestFactory
from django.urls import reverse

from arena.running.handler import Handler
from arena.teams.errors import AccountNeeded, InvitationNeeded, TooMany
from arena.teams.gate import Gate, RefusalMiddleware, deed_of
from arena.teams.limits import Deed

BATTLE = UUID("6d0b2f2e-6d0e-4d6c-9f0a-0f6d0b2f2e6d")
API_BALLOT = f"/api/v1/battles/{BATTLE}/ballot"


async def answer(request: HttpRequest) -> HttpResponseBase:
    refusal = RefusalMiddleware(lambda _: HttpResponse()).process_request(request)
    return refusal or HttpResponse("answered")


def coming_from(address: str, request: HttpRequest) -> HttpRequest:
    request.META["REMOTE_ADDR"] = address
    return request


def a_ballot(address: str) -> HttpRequest:
    return coming_from(address, AsyncRequestFactory().put(API_BALLOT))


@pytest.fixture
async def ask() -> AsyncIterator[Gate]:
    gate = Gate(answer)
    yield gate
    await gate.close()


@pytest.fixture
def address() -> str:
    """Redis is shared by all tests of the process, and remembers: everyone is somewhere else."""
    number = time.monotonic_ns()
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@pytest.fixture(autouse=True)
def two_of_each(settings: LazySettings) -> None:
    settings.ARENA_ADDRESS_QUESTIONS_PER_MINUTE = 2
    settings.ARENA_ADDRESS_BALLOTS_PER_MINUTE = 2
    settings.ARENA_ADDRESS_SIGN_INS_PER_MINUTE = 2


@pytest.mark.parametrize(
    ("method", "path", "deed"),
    [
        ("POST", reverse("start_battle"), Deed.ASK),
        ("POST", reverse("add_turn", args=[BATTLE]), Deed.ASK),
        ("POST", reverse("retry_response", args=[BATTLE, "A"]), Deed.ASK),
        ("POST", reverse("cast_ballot", args=[BATTLE]), Deed.VOTE),
        ("POST", reverse("login"), Deed.SIGN_IN),
        ("POST", reverse("admin:login"), Deed.SIGN_IN),
        ("POST", reverse("api:start_battle"), Deed.ASK),
        ("POST", reverse("api:add_turn", args=[BATTLE]), Deed.ASK),
        ("POST", reverse("api:retry", args=[BATTLE, "A"]), Deed.ASK),
        ("PUT", reverse("api:ballot", args=[BATTLE]), Deed.VOTE),
        ("POST", reverse("stop_battle", args=[BATTLE]), None),
        ("POST", reverse("api:stop", args=[BATTLE]), None),
        ("POST", reverse("logout"), None),
        ("GET", reverse("api:start_battle"), None),
        ("GET", reverse("new_battle"), None),
        ("GET", reverse("login"), None),
    ],
)
def test_everything_that_is_counted_is_known_by_its_address(method: str, path: str, deed: Deed | None) -> None:
    assert deed_of(RequestFactory().generic(method, path)) is deed


async def test_a_program_is_refused_with_a_sentence_and_a_time(ask: Gate, address: str) -> None:
    requests = [a_ballot(address) for _ in range(3)]
    first, second, third = [await ask(request) for request in requests]
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
    assert third["Content-Type"] == "application/problem+json"
    assert 0 < int(third["Retry-After"]) <= 30
    assert isinstance(third, HttpResponse)
    detail = json.loads(third.content)["detail"]
    assert re.fullmatch(
        r"Too many ballots come from your network just now: no more than 2 a minute are taken. "
        r"Nothing was changed. Please try again in \d+ seconds.",
        detail,
    )


async def test_a_form_is_kept_to_be_sent_again(ask: Gate, address: str) -> None:
    path = reverse("cast_ballot", args=[BATTLE])
    ballot = {"verdict-A": "correct", "comment": 'I <3 "it"', "tags-B": ["circular", "skipped-steps"]}
    pages = [await ask(coming_from(address, AsyncRequestFactory().post(path, ballot))) for _ in range(3)]
    page = pages[-1]
    assert isinstance(page, HttpResponse)
    text = page.content.decode()
    assert page.status_code == 429
    assert "Too many ballots" in text
    assert f'action="{path}"' in text
    assert 'name="comment" value="I &lt;3 &quot;it&quot;"' in text
    assert text.count('name="tags-B"') == 2


async def test_a_password_is_not_written_into_a_page(ask: Gate, address: str) -> None:
    typed = {"username": "ada", "password": "lovelace"}
    pages = [await ask(coming_from(address, AsyncRequestFactory().post("/accounts/login/", typed))) for _ in range(3)]
    page = pages[-1]
    assert isinstance(page, HttpResponse)
    assert page.status_code == 429
    assert "lovelace" not in page.content.decode()


async def test_other_addresses_and_other_deeds_go_on(ask: Gate, address: str) -> None:
    for _ in range(3):
        last = await ask(a_ballot(address))
    assert last.status_code == 429
    neighbour = await ask(a_ballot(address.replace("10.", "11.", 1)))
    battle = await ask(coming_from(address, AsyncRequestFactory().post("/api/v1/battles")))
    page = await ask(coming_from(address, AsyncRequestFactory().get("/")))
    assert {neighbour.status_code, battle.status_code, page.status_code} == {200}


async def test_a_network_of_ipv6_is_one_address(ask: Gate, address: str) -> None:
    prefix = f"2001:db8:{time.monotonic_ns() & 0xFFFF:x}:{time.monotonic_ns() >> 16 & 0xFFFF:x}"
    requests = [a_ballot(f"{prefix}::{host}") for host in (1, 2, 3)]
    assert [(await ask(request)).status_code for request in requests] == [200, 200, 429]


async def test_the_deeds_of_one_address_wait_for_one_another(address: str, settings: LazySettings) -> None:
    settings.ARENA_ADDRESS_BALLOTS_PER_MINUTE = 100
    may_end, both_at_work = asyncio.Event(), asyncio.Event()
    at_work = most = 0

    async def slowly(request: HttpRequest) -> HttpResponseBase:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        if at_work == 2:
            both_at_work.set()
        await may_end.wait()
        at_work -= 1
        return HttpResponse()

    ask = Gate(slowly)
    votes = [asyncio.create_task(vote(ask, where)) for where in [address] * 6 + [address.replace("10.", "11.", 1)]]
    await both_at_work.wait()
    may_end.set()
    assert {page.status_code for page in await asyncio.gather(*votes)} == {200}
    assert most == 2
    assert not ask._lanes
    await ask.close()


async def vote(ask: Gate, where: str) -> HttpResponseBase:
    return await ask(a_ballot(where))


def test_refusals_of_a_person_become_pages(rf: RequestFactory) -> None:
    middleware = RefusalMiddleware(lambda _: HttpResponse())
    request = rf.post("/battles/", {"prompt": "Why?"})
    page = middleware.process_exception(request, TooMany("Not so many.", retry_after_s=7))
    assert page is not None
    assert (page.status_code, page["Retry-After"]) == (429, "7")
    assert 'name="prompt" value="Why?"' in page.content.decode()
    signing_in = middleware.process_exception(request, AccountNeeded("Sign in."))
    assert signing_in is not None
    assert signing_in["Location"] == "/accounts/login/?next=/"
    invited = middleware.process_exception(request, InvitationNeeded("You were not invited."))
    assert invited is not None
    assert (invited.status_code, "You were not invited." in invited.content.decode()) == (403, True)
    assert middleware.process_exception(request, ValueError("else")) is None


def test_a_refusal_at_the_gate_has_the_headers_of_any_page_and_no_query(client: Client, address: str) -> None:
    """The whole chain of middleware, without a database: this test may not use one."""
    request = RequestFactory().post("/battles/", {"prompt": "Why?"}, REMOTE_ADDR=address)
    request.refused_at_the_gate = TooMany("Not so many.", retry_after_s=3)  # type: ignore[attr-defined]
    page = Handler(_as_it_is).get_response(request)
    assert page.status_code == 429
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert page["X-Content-Type-Options"] == "nosniff"


def _as_it_is(
    answer: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    return answer
