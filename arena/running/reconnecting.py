"""How a worker comes back to a Redis that was away."""

import random
from functools import partial
from typing import Any

from celery.worker.consumer import Consumer
from kombu import Connection

FIRST_PAUSE_S = 0.2
LONGER_BY_S = 0.3
# Between these: the workers of many machines do not come back in the same moment.
LONGEST_PAUSES_S = (1.5, 2.5)


class PatientConsumer(Consumer):
    """Celery's own waits two seconds more after each try, half a minute in the end: so long after Redis is back nobody
    would take a task."""

    def ensure_connected(self, conn: Connection) -> Connection:
        pauses: dict[str, Any] = {
            "interval_start": FIRST_PAUSE_S,
            "interval_step": LONGER_BY_S,
            "interval_max": random.uniform(*LONGEST_PAUSES_S),
        }
        conn.ensure_connection = partial(conn.ensure_connection, **pauses)  # type: ignore[method-assign]
        return super().ensure_connected(conn)
