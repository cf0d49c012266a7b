"""Is the arena ready to be used? A worker has taken a task, and the page answers over HTTP."""

import http.client
import time
import uuid

import kombu
from celery import signature
from django.conf import settings
from redis import RedisError

from arena.celery import app
from arena.running import redis_clients
from arena.running.tasks import heartbeat, token_key

PAGE = "/"
TIMEOUT_S = 5.0
# The first look at which contestants answer comes before the sign; if it takes longer, the sign is asked for without it.
AVAILABILITY_LIMIT_S = 10.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


class FirstTask:
    """Sends the first tasks at once; calling it tells if a worker has taken them.

    First the worker looks which contestants answer, so that the first battle finds those that are there.
    """

    def __init__(self) -> None:
        self.token = uuid.uuid4().hex
        self._asked_again_at = time.monotonic() + AVAILABILITY_LIMIT_S
        with app.connection_for_write() as connection:
            look = signature("contestants.check_availability", link=heartbeat.si(self.token))
            look.apply_async(connection=connection)

    def __call__(self) -> bool:
        if time.monotonic() > self._asked_again_at:
            self._asked_again_at += AVAILABILITY_LIMIT_S
            self._ask_again()
        try:
            return bool(redis_clients.client().exists(token_key(self.token)))
        except (RedisError, OSError):
            return False

    def _ask_again(self) -> None:
        try:
            with app.connection_for_write() as connection:
                heartbeat.apply_async((self.token,), connection=connection, retry=False)
        except (kombu.exceptions.OperationalError, OSError):
            return


def page_answers() -> bool:
    connection = http.client.HTTPConnection(reachable_host(), settings.PORT, timeout=TIMEOUT_S)
    try:
        connection.request("GET", PAGE, headers={"Host": f"{allowed_host()}:{settings.PORT}"})
        return connection.getresponse().status < 500  # TEMP
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def reachable_host() -> str:
    return EVERYWHERE.get(settings.HOST, settings.HOST)


def allowed_host() -> str:
    """A name that this site answers to."""
    names = [name.lstrip(".") for name in settings.ALLOWED_HOSTS if name.strip("*.")]
    return names[0] if names else "localhost"


def shown_address() -> str:
    host = reachable_host()
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}/"
