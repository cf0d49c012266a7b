"""From the first token to the bill: what is running is told as it comes, what has ended is charged once."""

from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import redis
from django.conf import LazySettings, settings
from django.utils import timezone

from arena.battles import running_costs as told
from arena.battles import runs
from arena.battles.budgets import Payer, look_into_purse
from arena.battles.doors import halt, open_battle
from arena.battles.errors import BudgetSpent
from arena.battles.models import Battle, Charge, Response
from arena.battles.running_costs import running_costs
from arena.battles.spending import spending_today
from arena.contestants.deltas import AnswerDelta, Delta, Finish, FinishReason, Usage
from arena.contestants.errors import KeyRefused, ServerFailed
from arena.contestants.models import Contestant
from arena.contestants.providers.call import Call, Message
from tests.budgets.spending import charged_usd, make_paid, make_user, start
from tests.live import WorkerProcess, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

Script = Callable[[], AsyncGenerator[Delta, None]]


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as made:
        made.delete(*made.keys("arena:running-costs:*"), "none")
        yield made


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], None]:
    """Every contestant says this, in this process."""

    def put(script: Script) -> None:
        monkeypatch.setattr(runs, "provider_for", lambda name: lambda client, call: script())

    def call_for(contestant: object, messages: tuple[Message, ...], *, simulator_url: str = "") -> Call:
        return Call(base_url="", model="m", messages=messages)

    monkeypatch.setattr(runs, "call_for", call_for)
    return put


def told_usd(number: int = 0) -> float:
    costs = sorted(running_costs(timezone.now().date()).values())
    return costs[number] / 1e9 if costs else 0.0


def test_server_that_tells_its_tokens_is_charged_to_the_nanodollar(
    client: redis.Redis, say: Callable[[Script], None]
) -> None:
    async def answer() -> AsyncGenerator[Delta, None]:
        yield AnswerDelta("Because.")
        yield Usage(input_tokens=7, output_tokens=333)
        yield Finish(FinishReason.STOP, "", "Because.")

    say(answer)
    for _ in range(2):
        make_paid(usd=0.0001, price_in_usd_per_mtok=0.037)
    battle = start()
    runs.play_waiting(battle.pk, client)
    each = 7 * 37 + 333 * 100  # nanodollars
    assert list(Charge.objects.values_list("nano_usd", "is_settled")) == [(each, True)] * 2
    assert sum(Response.objects.values_list("cost_usd", flat=True)) == pytest.approx(2 * each / 1e9)  # type: ignore[arg-type]


def test_response_whose_price_was_changed_meanwhile_is_charged_all_the_same(
    client: redis.Redis, say: Callable[[Script], None]
) -> None:
    async def answer() -> AsyncGenerator[Delta, None]:
        yield AnswerDelta("Because.")
        yield Finish(FinishReason.STOP, "", "Because.")

    say(answer)
    now_free, now_unknown = make_paid(usd=2.0), make_paid(usd=3.0, model="nobody-knows-it")
    battle = start()
    Contestant.objects.filter(pk=now_free.pk).update(price_out_usd_per_mtok=0.0)
    Contestant.objects.filter(pk=now_unknown.pk).update(
        price_in_usd_per_mtok=None, price_out_usd_per_mtok=None, base_url="https://models.example.com/v1"
    )
    runs.play_waiting(battle.pk, client)
    charged = Charge.objects.order_by("nano_usd").values_list("nano_usd", "is_settled")
    assert list(charged) == [(0, True), (3 * 10**9, True)]


def test_refusal_of_a_server_costs_nothing_and_a_cut_what_had_arrived(
    client: redis.Redis, say: Callable[[Script], None]
) -> None:
    async def refuse() -> AsyncGenerator[Delta, None]:
        raise KeyRefused("401")
        yield AnswerDelta("")

    async def break_off() -> AsyncGenerator[Delta, None]:
        yield AnswerDelta("x" * 400)
        raise ServerFailed("500")

    for _ in range(2):
        make_paid()
    say(refuse)
    runs.play_waiting(start().pk, client)
    assert charged_usd() == 0.0
    say(break_off)
    runs.play_waiting(start().pk, client)
    assert charged_usd() == pytest.approx(2 * 0.1)


def test_response_of_a_dead_worker_is_charged_once_it_is_given_up(client: redis.Redis) -> None:
    for _ in range(2):
        make_paid()
    battle = start()
    for response in runs._claim(battle.pk, "dead").values():
        runs.hand_over(response, ("", "x" * 4_000))
    assert charged_usd(is_settled=True) == pytest.approx(2.0)
    assert not Charge.objects.filter(is_settled=False).exists()


def test_response_that_will_be_played_again_keeps_its_place(client: redis.Redis) -> None:
    for _ in range(2):
        make_paid()
    battle = start()
    for response in runs._claim(battle.pk, "dead").values():
        runs.hand_over(response, ("", ""))
    assert charged_usd(is_settled=False) == 2.0


# --- While it runs ---------------------------------------------------------------------------------


def test_real_worker_tells_what_runs_as_the_tokens_come(
    worker: WorkerProcess, client: redis.Redis, settings: LazySettings
) -> None:
    """Two contestants write on and on, so that each soon has cost more than was expected of it."""
    fields = {"usual_output_tokens": 1, "simulated": True, "model": "load?tokens=100000&rate=500"}
    slugs = [make_paid(usd=10, **fields).slug for _ in range(2)]  # type: ignore[arg-type]
    settings.ARENA_DAILY_BUDGET_USD = Decimal(5)
    ann = make_user("ann")
    battle = open_battle(ann, prompt="Go on.", contestants=slugs)
    assert charged_usd() == pytest.approx(0.02)
    wait_until(lambda: told_usd() > 3, "the first dollars")
    first = told_usd()
    wait_until(lambda: told_usd() > first, "more")
    account = spending_today().arena[0]
    assert account.running > 5
    assert account.settled == account.left == 0
    with pytest.raises(BudgetSpent, match="is spent for today"):
        start(ann, contestants=slugs)
    assert Battle.objects.get(pk=battle.pk).is_running  # it is not cut off
    halt(battle, ann)
    wait_until(lambda: not Charge.objects.filter(is_settled=False).exists(), "both to be settled")
    assert charged_usd() > 6
    wait_until(lambda: not running_costs(timezone.now().date()), "what has ended to be forgotten")


def test_redis_that_forgets_costs_precision_only(client: redis.Redis, settings: LazySettings) -> None:
    for _ in range(2):
        make_paid()
    settings.ARENA_DAILY_BUDGET_USD = Decimal(10)
    start()
    charge = Charge.objects.earliest("pk")
    client.hset(told._key(charge.day), str(charge.pk), str(7_000_000_000))
    payer = Payer(None)
    assert look_into_purse(payer).left == 2_000_000_000
    client.delete(told._key(charge.day))
    assert look_into_purse(payer).left == 8_000_000_000


def test_battles_start_while_redis_is_away(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        make_paid()
    settings.ARENA_DAILY_BUDGET_USD = Decimal(2)
    with redis.Redis.from_url("unix:///nowhere/redis.sock") as nowhere:
        monkeypatch.setattr(told, "_redis", nowhere)
        battle = start()
        with pytest.raises(BudgetSpent):
            start()
        halt(battle, battle.started_by)
    assert charged_usd() == 0.0


def test_response_counts_for_the_day_on_which_it_was_asked(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    for _ in range(2):
        make_paid()
    settings.ARENA_DAILY_BUDGET_USD = Decimal(2)
    evening = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: evening)
    battle = start()
    monkeypatch.setattr(timezone, "now", lambda: evening + timedelta(minutes=2))
    assert look_into_purse(Payer(None)).left == 2_000_000_000
    for response in runs._claim(battle.pk, "late").values():
        runs.hand_over(response, ("", "x" * 4_000))
    assert look_into_purse(Payer(None)).left == 2_000_000_000
    assert charged_usd(day=evening.date()) == 2.0
