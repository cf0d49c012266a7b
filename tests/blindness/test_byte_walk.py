"""Before the reveal, nothing a browser can get about a battle carries a trait of its contestants.

Left out are the pages that name contestants in general (`/contestants/`, `/contestants/<slug>/`, `/leaderboard/` and
the same in the API): they are searched the other way round, for anything of the battle. On the home page, which shows
both, the cast is switched off after the battle began, so that a name could only come from the battle.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import uuid4

import pytest
from django.urls import reverse

from arena.battles import events
from arena.battles.blindness import where_named
from arena.battles.models import Battle, BattleStatus, Response, ResponseStatus, Turn
from arena.battles.queries import BlindBattle, BlindResponse, BlindTurn, Failure
from arena.battles.services import add_turn
from arena.battles.steps import split_steps
from arena.contestants.errors import ProviderError
from arena.contestants.models import Contestant
from arena.teams.models import User, Voter
from arena.teams.services import issue_token
from arena.voting.listing import ListedBattle
from arena.voting.services import cast_ballot
from tests.api.asking import Api, visitor
from tests.blindness.telltales import NAMES, RARE_PROMPT, everything_in, found_in, make_cast, measure, telltales
from tests.factories import make_battle, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db

Answers = Iterator[tuple[str, Any]]


def all_failures() -> list[type[ProviderError]]:
    kinds = [ProviderError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return kinds


def waiting(voter: Voter, cast: list[Contestant]) -> Battle:
    return make_battle(voter=voter, contestants=cast)


def streaming(voter: Voter, cast: list[Contestant]) -> Battle:
    battle = make_battle(voter=voter, contestants=cast)
    Response.objects.filter(seat__slot__in="AB").update(status=ResponseStatus.STREAMING)
    return battle


def half_done(voter: Voter, cast: list[Contestant]) -> Battle:
    battle = make_finished_battle(voter=voter, contestants=cast)
    Response.objects.filter(seat__slot="B").update(status=ResponseStatus.STREAMING, reasoning="", answer="", steps=[])
    Battle.objects.filter(pk=battle.pk).update(status=BattleStatus.RUNNING)
    return battle


def finished(voter: Voter, cast: list[Contestant]) -> Battle:
    return make_finished_battle(voter=voter, contestants=cast)


def stopped(voter: Voter, cast: list[Contestant]) -> Battle:
    battle = make_finished_battle(voter=voter, contestants=cast)
    Response.objects.filter(seat__slot__in="AC").update(status=ResponseStatus.STOPPED, is_truncated=True)
    return battle


def voted_on_by_another(voter: Voter, cast: list[Contestant]) -> Battle:
    battle = make_finished_battle(voter=voter, contestants=cast)
    cast_ballot(battle, make_voter(), verdicts={"A": "correct", "B": "flawed", "C": "unsure"}, comment=NAMES[0])
    return battle


def naming_themselves(voter: Voter, cast: list[Contestant]) -> Battle:
    battle = make_finished_battle(voter=voter, contestants=cast)
    for response in Response.objects.filter(turn__battle=battle).select_related("turn__battle", "seat__contestant"):
        name, model = response.seat.contestant.name, response.seat.contestant.model
        texts = (f"Well.\n\nI am {name}.\n\nAs {name}, I add.", f"4, says {name}. My name is {model}.")
        response.reasoning, response.answer = texts
        response.named_itself = [list(at) for at in where_named(response, *texts)]
        response.steps = split_steps(texts[0])
        response.save()
    return battle


def asked_on(voter: Voter, cast: list[Contestant]) -> Battle:
    battle = make_finished_battle(voter=voter, contestants=cast)
    add_turn(battle, voter, prompt="And in base 3?")
    return battle


def failed_with(kind: type[ProviderError]) -> Callable[[Voter, list[Contestant]], Battle]:
    def failed(voter: Voter, cast: list[Contestant]) -> Battle:
        battle = make_finished_battle(voter=voter, contestants=cast)
        error = kind(f"{NAMES[0]} said 418 to KEYVAR_{NAMES[0].upper()}")
        Response.objects.filter(seat__slot="A").update(
            status=ResponseStatus.FAILED, failure_code=error.code, failure_message=error.message
        )
        return battle

    failed.__name__ = f"failed: {kind.code}"
    return failed


STATES = [waiting, streaming, half_done, finished, stopped, naming_themselves, voted_on_by_another, asked_on]
STATES += [failed_with(kind) for kind in all_failures()]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_nothing_before_the_reveal_tells_who_answers(state: Callable[[Voter, list[Contestant]], Battle]) -> None:
    api, voter = visitor()
    battle = state(voter, make_cast())
    measure(battle)
    wanted = telltales()
    Contestant.objects.update(active=False, is_available=False)
    Turn.objects.filter(battle=battle, index=0).update(prompt=RARE_PROMPT)
    for name, asking in {"starter": api, "stranger": Api(), "script": Api(issue_token("ada")), "user": user()}.items():
        for where, answer in read(asking, battle):
            assert answer.status_code == expected(where), where
            assert not found_in(everything_in(answer), wanted), f"{where} tells the {name}"
    for where, answer in act(api, battle):
        assert answer.status_code < 500, where
        assert not found_in(everything_in(answer), wanted), f"{where} tells"


def user() -> Api:
    api = Api()
    api.client.force_login(User.objects.create_user("grace"))
    return api


def read(api: Api, battle: Battle) -> Answers:
    """Every page and answer that can be fetched about a battle, and some that cannot."""
    for name in ("new_battle", "problems", "about", "healthz"):
        yield name, api.client.get(reverse(name))
    yield "again", api.client.get(reverse("new_battle"), {"again": str(battle.pk)})
    yield "page", api.client.get(reverse("battle", args=[battle.pk]))
    yield "foreign page", api.client.get(reverse("battle", args=[uuid4()]))
    yield "API battle", api.get(f"/battles/{battle.pk}")
    yield "API list", api.get("/battles")
    yield "API filtered list", api.get("/battles", status="finished", limit=1)
    yield "API schema", api.get("/openapi.json")
    yield "API 404", api.get(f"/battles/{battle.pk}/nothing")
    yield "API 405", api.send("DELETE", f"/battles/{battle.pk}")


def expected(where: str) -> int:
    """A page that fails would tell nothing, and prove nothing."""
    return {"foreign page": 404, "API 404": 404, "API 405": 405}.get(where, 200)


def act(api: Api, battle: Battle) -> Answers:
    """What its starter can do to it without voting, refused and taken."""
    pages = {name: reverse(name, args=[battle.pk]) for name in ("cast_ballot", "add_turn", "stop_battle")}
    yield "empty ballot", api.client.post(pages["cast_ballot"], {})
    yield "wrong ballot", api.client.post(pages["cast_ballot"], {"verdict-A": "right", "best": "Z"})
    yield "empty turn", api.client.post(pages["add_turn"], {"prompt": ""})
    yield "retry nothing", api.client.post(reverse("retry_response", args=[battle.pk, "F"]))
    yield "start nothing", api.client.post(reverse("start_battle"), {"prompt": "", "size": "99"})
    yield "API wrong ballot", api.put(f"/battles/{battle.pk}/ballot", {"verdicts": {"A": "correct"}})
    yield "API empty ballot", api.put(f"/battles/{battle.pk}/ballot", {})
    yield "API empty turn", api.post(f"/battles/{battle.pk}/turns", {"prompt": ""})
    yield "API retry nothing", api.post(f"/battles/{battle.pk}/responses/F/retry")
    yield "API start nothing", api.post("/battles", {"prompt": "Why?", "size": 2})
    yield "API retry", api.post(f"/battles/{battle.pk}/responses/A/retry")
    yield "stop", api.client.post(pages["stop_battle"])
    yield "API stop", api.post(f"/battles/{battle.pk}/stop")
    yield "retry", api.client.post(reverse("retry_response", args=[battle.pk, "B"]))
    yield "API turn", api.post(f"/battles/{battle.pk}/turns", {"prompt": "And now?"})
    yield "turn", api.client.post(pages["add_turn"], {"prompt": "And now?"})


def test_starting_a_battle_tells_nothing() -> None:
    make_cast()
    wanted = telltales()
    api = Api()
    answer = api.post("/battles", {"prompt": "Why?", "size": 3})
    assert answer.status_code == 201
    assert not found_in(everything_in(answer), wanted)
    form = {"prompt": "Why?", "size": "2", "draw": "random", "names": "blind"}
    answer = api.client.post(reverse("start_battle"), form)
    assert answer.status_code == 302
    assert not found_in(everything_in(answer), wanted)


@pytest.mark.parametrize("state", [waiting, finished, voted_on_by_another], ids=lambda state: state.__name__)
def test_pages_about_contestants_tell_nothing_of_a_battle(
    state: Callable[[Voter, list[Contestant]], Battle],
) -> None:
    api, voter = visitor()
    cast = make_cast()
    battle = state(voter, cast)
    Turn.objects.filter(battle=battle).update(prompt=RARE_PROMPT)
    wanted = {str(battle.pk), battle.pk.hex, RARE_PROMPT.lower()}
    addresses = [reverse("contestants"), reverse("leaderboard"), *(reverse("contestant", args=[c.slug]) for c in cast)]
    answers = [api.client.get(address) for address in addresses]
    answers += [api.get(path) for path in ("/contestants", "/leaderboard", "/leaderboard/pairs")]
    for answer in answers:
        assert answer.status_code == 200
        assert not found_in(everything_in(answer), wanted), answer.request["PATH_INFO"]


def test_the_walk_finds_the_names_once_they_are_shown() -> None:
    """Or else it would be looking in the wrong places."""
    api, voter = visitor()
    battle = finished(voter, make_cast())
    measure(battle)
    cast_ballot(battle, voter, verdicts={"A": "correct", "B": "flawed", "C": "unsure"})
    shown = {where for where, answer in read(api, battle) if found_in(everything_in(answer), telltales())}
    assert {"page", "API battle"} <= shown


def test_no_failure_puts_its_detail_into_its_message() -> None:
    for kind in all_failures():
        error = kind(NAMES[0])
        assert NAMES[0] not in error.message + error.code
        assert NAMES[0] in str(error)


# Each of these is a fact about a slot, a turn or the battle. Whatever is added here goes to browsers before the reveal.
KNOWN_BEFORE_THE_REVEAL = {
    *("slot", "slots", "turn", "turns", "index", "part", "text", "prompt", "responses", "problem", "system", "team"),
    *("reasoning", "answer", "steps", "is_truncated", "status", "failure", "code", "message", "why"),
    *("id", "url", "blind", "pacing", "created_at", "asked_alone", "asked_at", "count"),
    *("thinking", "writing", "done"),  # how many, and never who
    *("named_itself", "asks_for_identity"),
}


def test_no_event_or_blind_view_has_a_field_for_a_contestant() -> None:
    blind: list[type[Any]] = [*get_args(events.Event), BlindBattle, BlindTurn, BlindResponse, Failure, ListedBattle]
    for kind in blind:
        assert {field.name for field in fields(kind)} <= KNOWN_BEFORE_THE_REVEAL, kind


def test_every_event_is_made_of_texts_and_numbers_only() -> None:
    for kind in get_args(events.Event):
        hints = get_type_hints(kind)
        for field in fields(kind):
            hint = hints[field.name]
            assert hint in (str, int) or get_origin(hint) is Literal, (kind, field.name)
