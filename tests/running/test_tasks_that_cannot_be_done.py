import logging

import pytest
import redis
from django.db import InterfaceError, OperationalError

from arena.battles.tasks import keep_books
from arena.celery import ArenaTask


@pytest.mark.parametrize(
    "error", [OperationalError("no\nroute"), InterfaceError("no route"), redis.TimeoutError("no route")]
)
def test_lost_database_or_redis_is_one_line_in_the_log(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(error, keep_books.throws), "Celery would print a traceback each time"
    with caplog.at_level(logging.WARNING, "arena"):
        keep_books.on_failure(error, "an id", (), {}, None)
    assert [record.getMessage() for record in caplog.records] == ["task battles.keep_books could not be done: no route"]


def test_fault_of_ours_is_left_to_celery(caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(keep_books, ArenaTask)
    keep_books.on_failure(ZeroDivisionError(), "an id", (), {}, None)
    assert not caplog.records
