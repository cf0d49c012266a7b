from typing import Any

from kombu.utils.functional import fxrange

from arena.celery import app
from arena.running.reconnecting import LONGEST_PAUSES_S, PatientConsumer


class Connection:
    """Notes how long Celery would wait between its tries."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def ensure_connection(self, *_: object, **asked: Any) -> "Connection":
        self.asked = asked
        return self


def test_worker_is_back_within_seconds_however_long_redis_was_away() -> None:
    consumer = PatientConsumer.__new__(PatientConsumer)
    vars(consumer).update(app=app, first_connection_attempt=False, broker_connection_retry_attempt=0)
    connection = Connection()
    consumer.ensure_connected(connection)  # type: ignore[arg-type]
    start, step, longest = (connection.asked[f"interval_{name}"] for name in ("start", "step", "max"))
    pauses = fxrange(start, longest + start, step, repeatlast=True)  # as kombu counts them
    taken = [next(pauses) for _ in range(100)]
    assert 0 < taken[0] < 1
    assert max(taken) < max(LONGEST_PAUSES_S) + 1
