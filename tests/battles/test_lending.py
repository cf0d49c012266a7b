"""Threads that wait lend their connections, so that few are open however many battles are played."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from arena.battles import lending
from arena.battles.lending import give_connection_back, take_connection
from arena.battles.models import Battle

pytestmark = pytest.mark.django_db(transaction=True)
WAIT_S = 60
has_pool = "pool" in connection.settings_dict["OPTIONS"]


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    """What other tests have lent is closed before, and what these lend behind them."""
    close_lent()
    yield
    close_lent()


def close_lent() -> None:
    while lending._lent:
        lending._lent.pop().close()


def work() -> object:
    """What a thread does between two waits; the connection it was done with."""
    take_connection()
    Battle.objects.count()
    used = connections["default"].connection
    give_connection_back()
    return used


def test_threads_that_work_in_turn_share_one_connection() -> None:
    used = []
    for _ in range(5):
        with ThreadPoolExecutor(1) as pool:
            used.append(pool.submit(work).result(WAIT_S))

    assert len(lending._lent) == (0 if has_pool else 1)
    assert has_pool or len(set(map(id, used))) == 1


def test_threads_that_work_at_the_same_time_have_one_each() -> None:
    all_at_work = threading.Barrier(3)

    def work_together() -> int:
        take_connection()
        Battle.objects.count()
        all_at_work.wait(WAIT_S)
        mine = id(connections["default"].connection)
        give_connection_back()
        return mine

    with ThreadPoolExecutor(3) as pool:
        used = [pool.submit(work_together) for _ in range(3)]

    assert len({one.result() for one in used}) == 3


def test_a_connection_that_broke_is_not_lent() -> None:
    def lose() -> None:
        take_connection()
        Battle.objects.count()
        connections["default"].close()
        give_connection_back()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lose).result(WAIT_S)

    assert not lending._lent


def test_the_main_thread_keeps_its_own() -> None:
    Battle.objects.count()
    mine = connections["default"]

    give_connection_back()

    assert connections["default"] is mine
    assert not lending._lent
