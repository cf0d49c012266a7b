"""Preparing the same database or folder twice at the same time."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.postgresql.base import DatabaseWrapper

from arena.running.preparation import alone, alone_on_database, close_database

LIMIT_S = 60


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lock", [alone_on_database, partial(alone, "static")], ids=["database", "static files"])
def test_who_comes_second_waits_for_the_first(
    lock: Callable[[], AbstractContextManager[None]], settings: LazySettings, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    order: list[str] = []
    second_is_there = threading.Event()

    def come_second() -> None:
        second_is_there.set()
        with lock():
            order.append("second")
        connection.close()

    thread = threading.Thread(target=come_second)
    with lock():
        thread.start()
        assert second_is_there.wait(LIMIT_S)
        thread.join(0.3)
        order.append("first")
    thread.join(LIMIT_S)
    assert order == ["first", "second"]


@pytest.mark.django_db(transaction=True)
def test_the_lock_is_one_of_the_database(settings: LazySettings, tmp_path: Path) -> None:
    """A file would not keep out a machine that has another folder."""
    settings.VAR_DIR = tmp_path
    with alone_on_database():
        assert (tmp_path / "database.lock").exists() is (connection.vendor == "sqlite")


@pytest.mark.django_db(transaction=True)
def test_the_lock_outlasts_the_patience_of_the_server(
    settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrations may take longer than it lets others idle in a transaction."""
    settings.VAR_DIR = tmp_path
    monkeypatch.setenv("PGOPTIONS", "-c idle_in_transaction_session_timeout=1ms")
    other = threading.Event()

    def come_second() -> None:
        with alone_on_database():
            other.set()
        connection.close()

    thread = threading.Thread(target=come_second)
    with alone_on_database():
        thread.start()
        assert not other.wait(0.3)
    thread.join(LIMIT_S)
    assert other.is_set()


@pytest.mark.django_db(transaction=True)
def test_a_process_that_starts_others_keeps_no_connection() -> None:
    connection.ensure_connection()
    close_database()
    assert connection.connection is None
    assert DEFAULT_DB_ALIAS not in DatabaseWrapper._connection_pools


@pytest.mark.django_db(transaction=True)
def test_a_failed_preparation_lets_the_next_one_in() -> None:
    with pytest.raises(RuntimeError), alone_on_database():
        raise RuntimeError("a migration failed")
    with alone_on_database():
        pass
