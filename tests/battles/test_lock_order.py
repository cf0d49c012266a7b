"""Whoever changes a battle's responses locks the battle first: else two would wait for each other's row."""

import threading

import pytest
from django.db import connection, transaction

from arena.battles import services
from arena.battles.models import Response
from arena.battles.runs import _claim, save_outcome
from arena.battles.streaming import Outcome
from arena.contestants.deltas import Usage
from tests.battles.test_claiming import LIMIT_S, wait_until_it_waits_for_a_row
from tests.factories import make_battle

pytestmark = pytest.mark.django_db(transaction=True)

ANSWERED = Outcome("finished", "", "4", "", Usage(), 10, 20)


def save_in_a_thread(response: Response) -> threading.Thread:
    def save() -> None:
        try:
            save_outcome(response, ANSWERED)
        finally:
            connection.close()

    thread = threading.Thread(target=save)
    thread.start()
    return thread


def test_response_may_end_while_its_battle_is_being_stopped() -> None:
    battle = make_battle()
    first, *_ = _claim(battle.pk, "run").values()
    with transaction.atomic():
        services.lock(battle)
        thread = save_in_a_thread(first)
        wait_until_it_waits_for_a_row()
        stop = services.stop_battle(battle, battle.started_by)
    thread.join(LIMIT_S)
    assert stop.runs == ("run",)
    assert sorted(Response.objects.values_list("status", flat=True)) == ["finished", "streaming"]


def test_response_of_a_battle_that_is_gone_is_not_saved() -> None:
    battle = make_battle()
    first, *_ = _claim(battle.pk, "run").values()
    battle.delete()
    assert save_outcome(first, ANSWERED) is None
