"""The verbs of a battle that people use: start it, ask on, stop it, retry a slot.

They write rows; telling the workers and the browsers is left to the door that called (see `tasks.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Coalesce, Concat
from django.utils import timezone

from arena.battles.budgets import PRICE_UNKNOWN, Payer, Purse, open_purse
from arena.battles.charges import charge, history_tokens, release
from arena.battles.costs import FREE, Expected, expected_cost, known_price, message_tokens
from arena.battles.errors import NotNow, NotYours, PromptRefused
from arena.battles.models import Battle, BattleStatus, Pacing, Response, ResponseStatus, Seat, Turn
from arena.battles.pairing import line_up
from arena.contestants.identity.questions import asks_for_identity
from arena.contestants.models import Contestant
from arena.problems.models import Problem
from arena.teams.models import Team, Voter
from arena.teams.queries import is_active_in


class BattleOptions(TypedDict, total=False):
    """The options of `start_battle`, for those who pass them on."""

    prompt: str
    problem: Problem | None
    size: int
    contestants: Sequence[str]
    blind: bool
    pacing: str | None
    system: str
    team: Team | None
    network: str


@dataclass(frozen=True, slots=True)
class Stop:
    """What a stop has ended already, and the runs that are to end."""

    ended: tuple[Response, ...]
    runs: tuple[str, ...]


_RUNNING_AGAIN = {"status": BattleStatus.RUNNING, "finished_at": None}


@transaction.atomic
def start_battle(
    voter: Voter,
    *,
    prompt: str = "",
    problem: Problem | None = None,
    size: int = 2,
    contestants: Sequence[str] = (),
    blind: bool = True,
    pacing: str | None = None,
    system: str = "",
    team: Team | None = None,
    network: str = "",
) -> Battle:
    """Draw and seat the contestants, save the battle with its first turn. Raises a BattleError.

    Without a choice of `pacing`, blind battles are shown as the arena is set, others live. That the voter may start
    battles of the team is for the door to see to. `network` is where the request came from: a visitor's budget holds
    for it.
    """
    text = clean_prompt(problem.statement if problem else prompt)
    system = clean_prompt(system, field="system")
    purse = open_purse(Payer(voter, team, network))
    prompt_tokens = _prompt_tokens(system, text)
    seating = line_up(
        size,
        contestants,
        purse=purse,
        cost=lambda contestant: _expected(contestant, purse, prompt_tokens).nano,
        is_ranked=blind and team is None,
    )
    battle = Battle.objects.create(
        started_by=voter,
        problem=problem,
        team=team,
        system=system,
        blind=blind,
        pacing=pacing or usual_pacing(blind=blind),
    )
    seats = Seat.objects.bulk_create(
        Seat(battle=battle, slot=slot, contestant=contestant) for slot, contestant in seating.items()
    )
    _ask(battle, 0, text, purse, {seat.pk: _expected(seat.contestant, purse, prompt_tokens) for seat in seats})
    return battle


@transaction.atomic
def add_turn(battle: Battle, voter: Voter | None, *, prompt: str, network: str = "") -> Turn:
    """A follow-up to every contestant. Refused while a turn runs, and after anyone has seen the names."""
    _require_asker(battle, voter)
    text = clean_prompt(prompt)
    if lock(battle).revealed_at:
        raise NotNow("The names have been shown: start a new battle to ask on.")
    claimed = Battle.objects.filter(pk=battle.pk, status=BattleStatus.FINISHED, revealed_at=None).update(
        **_RUNNING_AGAIN
    )
    if not claimed:
        raise NotNow("The contestants are still at work: wait until all have finished, or stop them.")
    index = battle.turns.count()
    if index >= settings.ARENA_MAX_TURNS:
        raise NotNow(f"A battle has at most {settings.ARENA_MAX_TURNS} turns.")
    battle.refresh_from_db()
    purse = open_purse(Payer(voter, battle.team, network))
    expected = _expected_of_turn(battle, index, text, purse)
    purse.require(sum(cost.nano for cost in expected.values()))
    return _ask(battle, index, text, purse, expected)


@transaction.atomic
def stop_battle(battle: Battle, voter: Voter | None) -> Stop:
    """End what no worker has begun yet, and mark what one plays; the door tells the workers.

    In this order: what a dying worker gives back after the mark is not played again, what it gave back before is ended.
    """
    _require_starter(battle, voter)
    if not lock(battle).is_running:
        raise NotNow("Nothing is running in this battle.")
    running = Response.objects.running().filter(turn__battle=battle)
    running.update(stop_requested_at=timezone.now())
    waiting = running.filter(status=ResponseStatus.WAITING).select_related("turn", "seat")
    ended = [response for response in waiting if _stop_unclaimed(response)]
    runs = running.filter(status=ResponseStatus.STREAMING).order_by().values_list("run", flat=True).distinct()
    finish_if_ended(battle.pk)
    return Stop(tuple(ended), tuple(runs))


@transaction.atomic
def retry_response(battle: Battle, voter: Voter | None, *, slot: str, network: str = "") -> Response:
    """Ask one slot of the last turn again; its earlier text is dropped, the other slots are untouched.

    A budget must allow for the dearest of the slots, whichever is asked: else what is refused would tell the prices.
    """
    _require_asker(battle, voter)
    battle = lock(battle)
    if battle.revealed_at:
        raise NotNow("The names have been shown: what was judged stays as it was.")
    response = (
        Response.objects.filter(turn__battle=battle, seat__slot=slot)
        .select_related("turn", "seat")
        .defer("reasoning", "answer", "raw", "steps")
        .order_by("-turn__index")
        .first()
    )
    if response is None:
        raise NotNow(f"This battle has no slot {slot[:5]!r}.")
    again = Response.objects.filter(pk=response.pk, status__in=[ResponseStatus.FAILED, ResponseStatus.STOPPED])
    if not again.update(
        status=ResponseStatus.WAITING,
        attempt=F("attempt") + 1,
        replays=0,
        asked_alone=True,
        run="",
        ended_as="",
        stop_requested_at=None,
        queued_at=timezone.now(),
        reasoning="",
        answer="",
        raw="",
        steps=[],
        named_itself=[],
        is_truncated=False,
        is_split_inferred=False,
        failure_code="",
        failure_message="",
        input_tokens=None,
        output_tokens=None,
        reasoning_tokens=None,
        cached_input_tokens=None,
        # The first of the three that is known: NULL makes the sum NULL.
        earlier_cost_usd=Coalesce(F("earlier_cost_usd") + F("cost_usd"), F("earlier_cost_usd"), F("cost_usd")),
        cost_usd=None,
        price_source="",
        first_token_ms=None,
        duration_ms=None,
        tokens_per_second=None,
        finished_at=None,
    ):
        raise NotNow("Only a response that failed or was stopped can be retried.")
    Battle.objects.filter(pk=battle.pk).update(**_RUNNING_AGAIN)
    response.refresh_from_db()
    purse = open_purse(Payer(voter, battle.team, network))
    expected = _expected_of_turn(battle, response.turn.index, response.turn.prompt, purse)
    purse.require(max(cost.nano for cost in expected.values()))
    charge(purse, [response], expected)
    return response


@transaction.atomic
def finish_if_ended(battle_id: UUID) -> None:
    """Mark the battle finished once no response runs any more. Safe to call twice, and from two workers."""
    if lock_by_id(battle_id):
        finish_locked(battle_id)


def finish_locked(battle_id: UUID) -> None:
    """The same for a battle that is locked: of two responses that end at once, the second must see the first."""
    still_running = Response.objects.running().filter(turn__battle=OuterRef("pk"))
    Battle.objects.filter(~Exists(still_running), pk=battle_id, status=BattleStatus.RUNNING).update(
        status=BattleStatus.FINISHED, finished_at=timezone.now()
    )


def usual_pacing(*, blind: bool) -> str:
    """Where the names are shown, there is nothing to hide."""
    return str(settings.ARENA_PACING) if blind else Pacing.LIVE


def lock_by_id(battle_id: UUID) -> bool:
    """Whether there is still such a battle."""
    return bool(Battle.objects.locked().filter(pk=battle_id).values_list("pk"))


def lock(battle: Battle) -> Battle:
    """The battle as it is now."""
    return Battle.objects.locked().get(pk=battle.pk)


def clean_prompt(text: str, *, field: Literal["prompt", "system"] = "prompt") -> str:
    """The prompt as it is stored and sent; only the system prompt may be empty. Raises PromptRefused."""
    text = text.replace("\r\n", "\n").strip()
    name = {"prompt": "prompt", "system": "system prompt"}[field]
    if not text and field == "prompt":
        raise PromptRefused("Write a question first.", field)
    if len(text) > settings.ARENA_PROMPT_MAX_CHARS:
        raise PromptRefused(
            f"The {name} has {len(text):,} characters; at most {settings.ARENA_PROMPT_MAX_CHARS:,} are allowed.", field
        )
    if "\0" in text:
        raise PromptRefused(f"The {name} contains a NUL character, which cannot be stored.", field)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptRefused(f"The {name} contains a broken character (half of a surrogate pair).", field) from error
    return text


def _ask(battle: Battle, index: int, prompt: str, purse: Purse, expected: Mapping[int, Expected]) -> Turn:
    """`expected`: what the response of each seat is expected to cost, by the seat's id."""
    asks = asks_for_identity(prompt) or (not index and asks_for_identity(battle.system))
    turn = Turn.objects.create(battle=battle, index=index, prompt=prompt, asks_for_identity=asks)
    responses = Response.objects.bulk_create(Response(turn=turn, seat_id=seat_id) for seat_id in expected)
    charge(purse, responses, expected)
    return turn


def _expected_of_turn(battle: Battle, index: int, prompt: str, purse: Purse) -> dict[int, Expected]:
    """By seat, with the conversation so far. Raises NotNow where a budget binds and a price has been lost."""
    seats = list(battle.seats.select_related("contestant"))
    if any(purse.why_not(seat.contestant) == PRICE_UNKNOWN for seat in seats):
        raise NotNow("What this battle would cost is not known, and there is a daily budget to keep.")
    history = history_tokens(battle, before=index) if index else {}
    asked = _prompt_tokens(battle.system, prompt)
    return {seat.pk: _expected(seat.contestant, purse, asked + history.get(seat.pk, 0)) for seat in seats}


def _expected(contestant: Contestant, purse: Purse, prompt_tokens: int) -> Expected:
    """Nothing where the price is not known: no budget binds then (see Purse.why_not), and nothing is charged."""
    price = known_price(contestant, at=purse.now) or FREE
    return expected_cost(contestant, price, prompt_tokens=prompt_tokens)


def _prompt_tokens(system: str, prompt: str) -> int:
    return message_tokens(prompt) + (message_tokens(system) if system else 0)


def _stop_unclaimed(response: Response) -> bool:
    """Of one that an earlier run has kept nothing is shown any more; what had arrived stays in `raw`."""
    unclaimed = Response.objects.filter(pk=response.pk, status=ResponseStatus.WAITING)
    kept = unclaimed.exclude(ended_as="").filter(raw="")
    kept.update(raw=Concat("reasoning", "answer"))
    nothing = {"reasoning": "", "answer": "", "steps": [], "named_itself": [], "is_truncated": False}
    no_end = {"ended_as": "", "failure_code": "", "failure_message": ""}
    if not unclaimed.update(status=ResponseStatus.STOPPED, finished_at=timezone.now(), **nothing, **no_end):
        return False
    release(response)
    return True


def _require_starter(battle: Battle, voter: Voter | None) -> None:
    if voter is None or battle.started_by_id != voter.pk:
        raise NotYours("Only the person who started this battle can do that.")


def _require_asker(battle: Battle, voter: Voter | None) -> None:
    """What is asked is the team's to pay: who has become a viewer since may only stop it."""
    _require_starter(battle, voter)
    if battle.team is not None and not is_active_in(battle.team, voter):
        raise NotYours("Viewers of a team read along; its members ask.")
