"""Is the arena ready to be used? A worker has taken a task, and the page answers over HTTP."""

import socket
import time
import uuid

from celery import signature
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from kombu.exceptions import OperationalError
from redis import RedisError

from arena.celery import app
from arena.running import redis_clients
from arena.running.tasks import TOKEN_EXPIRES_S, heartbeat, token_key

PAGE = "/"
CONNECT_TIMEOUT_S = 2.0
# The first look at which contestants answer comes before the sign; one that takes longer is not waited for.
AVAILABILITY_LIMIT_S = 20.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


class FirstTask:
    """Sends the first tasks at once; calling it tells if a worker has taken them.

    First the worker looks which contestants answer, so that the first battle finds those that are there.
    """

    def __init__(self) -> None:
        self.token = uuid.uuid4().hex
        self._asked_again_at = time.monotonic() + AVAILABILITY_LIMIT_S
        try:
            signature("contestants.check_availability", app=app, link=heartbeat.si(self.token)).apply_async()
        except (OperationalError, OSError):  # Redis has just died, and is started again: ask then
            self._asked_again_at = time.monotonic()

    def __call__(self) -> bool:
        if time.monotonic() > self._asked_again_at:
            self._asked_again_at += AVAILABILITY_LIMIT_S
            self._ask_again()
        return has_shown(self.token)

    def _ask_again(self) -> None:
        try:
            heartbeat.apply_async((self.token,), retry=False)
        except (OperationalError, OSError):
            return


def has_shown(token: str) -> bool:
    """Has a task with this token been taken, or does the process work that was started with it?"""
    try:
        return bool(redis_clients.client().exists(token_key(token)))
    except (RedisError, OSError):
        return False


def show(token: str) -> None:
    """Raises RedisError."""
    redis_clients.client().set(token_key(token), "1", ex=TOKEN_EXPIRES_S)


class FirstPage:
    """Asks for the page at once; calling it tells if the answer has come, and never waits for it.

    The caller must be free to read what the web process logs meanwhile: a full pipe would stop it before it answers.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def __call__(self) -> bool:
        """Raises ImproperlyConfigured when the answer is an error: waiting would not mend that."""
        try:
            status = self._status()
        except BlockingIOError:
            return False
        except (OSError, ValueError, IndexError):
            self._close()  # it died with our question: ask again
            return False
        self._close()
        if status >= 400:
            raise ImproperlyConfigured(f"the page {PAGE} answers with status {status}; what was logged says why.")
        return True

    def _status(self) -> int:
        if self._socket is None:
            self._socket = socket.create_connection((reachable_host(), settings.PORT), timeout=CONNECT_TIMEOUT_S)
            host = f"{allowed_host()}:{settings.PORT}"
            self._socket.sendall(f"GET {PAGE} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            self._socket.setblocking(False)
        return int(self._socket.recv(64).split()[1])

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def reachable_host() -> str:
    return EVERYWHERE.get(settings.HOST, settings.HOST)


def allowed_host() -> str:
    """A name that this site answers to."""
    names = [name.lstrip(".") for name in settings.ALLOWED_HOSTS if name.strip("*.")]
    return names[0] if names else "localhost"


def shown_address() -> str:
    host = reachable_host()
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}/"
