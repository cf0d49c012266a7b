"""A response is claimed by one run, however many workers reach for it at the same moment."""

import threading
import time
from uuid import UUID

import pytest
from django.db import connection, transaction

from arena.battles.models import Response
from arena.battles.runs import _claim
from tests.factories import make_battle

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT_S = 60.0


def claim_in_a_thread(battle_id: UUID, run: str, claimed: dict[str, int]) -> threading.Thread:
    def claim() -> None:
        try:
            claimed[run] = len(_claim(battle_id, run))
        finally:
            connection.close()

    thread = threading.Thread(target=claim)
    thread.start()
    return thread


def wait_until_it_waits_for_a_row() -> None:
    """On PostgreSQL the second claim has read the rows by now. SQLite has it wait before it reads anything."""
    deadline = time.monotonic() + LIMIT_S
    while connection.vendor == "postgresql" and time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone() != (0,):
                return


def test_second_of_two_claims_at_once_gets_nothing() -> None:
    battle = make_battle()
    claimed: dict[str, int] = {}
    with transaction.atomic():
        assert len(_claim(battle.pk, "first")) == 2
        thread = claim_in_a_thread(battle.pk, "second", claimed)
        wait_until_it_waits_for_a_row()
    thread.join(LIMIT_S)
    assert claimed == {"second": 0}
    assert set(Response.objects.values_list("run", flat=True)) == {"first"}
