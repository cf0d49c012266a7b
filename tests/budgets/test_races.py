"""Many battles started in the same second see what each other takes."""

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.db import connection

from arena.battles.errors import BudgetSpent
from arena.battles.models import Battle, Charge, Response, ResponseStatus
from arena.battles.services import retry_response
from tests.budgets.spending import charged_usd, make_paid, make_user, start, visit
from tests.factories import make_voter

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 8
LIMIT_S = 60.0


def all_at_once(acts: list[Callable[[], object]]) -> list[type[BudgetSpent] | None]:
    """How each ended: None, or refused."""
    ended: list[type[BudgetSpent] | None] = []
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        try:
            gate.wait(LIMIT_S)
            act()
        except BudgetSpent as error:
            ended.append(type(error))
        else:
            ended.append(None)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    return ended


@pytest.fixture(autouse=True)
def two(settings: LazySettings) -> None:
    for slug in ("ada", "bob"):
        make_paid(slug)
    settings.ARENA_DAILY_BUDGET_USD = Decimal(6)


def test_only_as_many_start_as_the_budget_allows() -> None:
    voters = [make_user(f"user {number}") for number in range(AT_ONCE)]
    ended = all_at_once([lambda voter=voter: start(voter) for voter in voters])  # type: ignore[misc]
    assert sorted(ended, key=str) == [BudgetSpent] * (AT_ONCE - 3) + [None] * 3
    assert (Battle.objects.count(), charged_usd()) == (3, 6.0)


def test_visitors_of_one_network_share_what_one_may_spend(settings: LazySettings) -> None:
    settings.ARENA_VISITOR_DAILY_BUDGET_USD = Decimal(2)
    voters = [make_voter() for _ in range(AT_ONCE)]
    ended = all_at_once([lambda voter=voter: visit(voter, network="192.0.2.1") for voter in voters])  # type: ignore[misc]
    assert ended.count(None) == 1


def test_retries_and_new_battles_take_from_the_same_purse(settings: LazySettings) -> None:
    ann = make_user("ann")
    battle = start(ann)
    Response.objects.update(status=ResponseStatus.FAILED)
    Charge.objects.update(is_settled=True)
    settings.ARENA_DAILY_BUDGET_USD = Decimal(4)
    again: list[Callable[[], object]] = [lambda slot=slot: retry_response(battle, ann, slot=slot) for slot in "AB"]  # type: ignore[misc]
    ended = all_at_once([*again, lambda: start(ann)])
    assert BudgetSpent in ended
    assert charged_usd() <= 4.0
