"""The commands behind `manage.py arena web`, `worker` and `beat`: the same alone and under the supervisor."""

import logging
import os
import socket
import warnings

import uvicorn
from celery.exceptions import SecurityWarning
from celery.signals import worker_ready
from django.conf import settings
from redis import RedisError

from arena.celery import app
from arena.running import heaps, long_lived, readiness
from arena.running.browser_socket import BrowserSocket
from arena.running.clock import SharedClock
from arena.running.keys import compare_keys
from arena.running.limits import BoundedHeaders
from arena.running.reconnecting import PatientConsumer
from arena.running.tasks import OWN_QUEUE
from arena.running.worker_signs import BusySign

# The supervisor's, to a process that it starts beside another: it wants to know when this one works.
START_TOKEN = "ARENA_START_TOKEN"
GRACEFUL_SHUTDOWN_S = 3
# Nothing a browser sends over a socket is read.
SOCKET_MESSAGE_MAX_BYTES = 4096
PING_EVERY_S = 60.0


logger = logging.getLogger(__name__)


class WebServer(uvicorn.Server):
    """Tells when it serves."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        show_that_it_works()


def run_web(fd: int | None) -> None:
    """Serve pages and sockets on HOST and PORT, or on a listening socket that was handed over."""
    compare_keys()
    config = uvicorn.Config(
        "arena.asgi:application",
        host=settings.HOST,
        port=settings.PORT,
        loop="uvloop",
        http=BoundedHeaders,
        ws=BrowserSocket,
        ws_max_size=SOCKET_MESSAGE_MAX_BYTES,
        # Our own signs of life come more often; pings find those who are gone, and cannot tell.
        ws_ping_interval=PING_EVERY_S,
        ws_ping_timeout=PING_EVERY_S,
        # Compressing costs twice the CPU time and three times the memory, and saves half of few bytes.
        ws_per_message_deflate=False,
        # Whom to believe is for BEHIND_TLS_PROXY to say; uvicorn would believe every program on this machine.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
        access_log=False,
        server_header=False,
        log_level="warning",
        log_config=None,  # its lines go through our own handler, which masks keys
    )
    sockets = None if fd is None else [socket.socket(fileno=fd)]
    config.load()
    long_lived.leave_alone()
    WebServer(config).run(sockets=sockets)


def run_worker() -> None:
    """Take tasks, each in a thread. One worker takes as many as it has threads; start more for more."""
    heaps.have_few()
    # Celery warns root of pickled tasks; ours are JSON only.
    warnings.simplefilter("ignore", SecurityWarning)
    app.steps["consumer"].add(BusySign)
    worker_ready.connect(_is_ready)
    app.conf.worker_consumer = f"{PatientConsumer.__module__}:{PatientConsumer.__qualname__}"
    silent = ["--without-gossip", "--without-mingle", "--without-heartbeat"]  # workers have nothing to tell one another
    queues = ["celery", *filter(None, [os.environ.get(OWN_QUEUE)])]
    app.start(["--quiet", "worker", "--pool=threads", f"--queues={','.join(queues)}", *silent, "--loglevel=warning"])


def run_beat() -> None:
    """Send what is due by the clock. Several may run: one sends, the others stand by."""
    scheduler = f"{SharedClock.__module__}:{SharedClock.__qualname__}"
    app.start(["--quiet", "beat", f"--scheduler={scheduler}", "--pidfile=", "--loglevel=warning"])


def _is_ready(**kwargs: object) -> None:
    long_lived.leave_alone()
    show_that_it_works()


def show_that_it_works() -> None:
    """To the supervisor, if it waits for that."""
    token = os.environ.get(START_TOKEN)
    if not token:
        return
    try:
        readiness.show(token)
    except (RedisError, OSError) as error:
        logger.warning("that this process works cannot be told: %s", error)
