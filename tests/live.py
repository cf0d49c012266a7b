"""The arena's own processes, started for tests on the test database and the test Redis."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from arena.running.children import spawn
from arena.running.readiness import FirstTask

START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
POLL_S = 0.05
FIRST_CONTENT_TYPE = 1_000_000
MANAGE = str(settings.BASE_DIR / "manage.py")


def wait_until(is_so: Callable[[], object], what: str, *, limit_s: float = START_LIMIT_S) -> None:
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline, f"waited {limit_s:g} s for {what}"
        time.sleep(POLL_S)


def test_database_url() -> str:
    """The database that this test process uses, as another process can be told."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


def number_content_types() -> None:
    """Give each the number that it has in every test.

    A web process remembers these numbers, which the admin's log refers to. The flush between two tests makes new ones.
    """
    with transaction.atomic():
        kinds = sorted(ContentType.objects.all(), key=lambda kind: (kind.app_label, kind.model))
        for number, kind in enumerate(kinds, start=FIRST_CONTENT_TYPE):
            Permission.objects.filter(content_type_id=kind.pk).update(content_type_id=number)
            ContentType.objects.filter(pk=kind.pk).update(id=number)
    ContentType.objects.clear_cache()


def live_environment() -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": test_database_url(),
        "PYTHONUNBUFFERED": "1",
        "ARENA_RETRY_WAIT_S": "3",  # no test waits long for a server that stays busy
        "ARENA_STOP_GRACE_S": "1",
        "ARENA_SWEEP_EVERY_S": "0",  # tests sweep themselves: a worker that outlives one would do it to the next
    }


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


class ArenaProcess:
    """A part of the arena. `ensure()` starts it if it isn't running and waits until it works."""

    part = ""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self.log = Path(settings.VAR_DIR) / f"{self.part}.log"

    def ensure(self) -> None:
        if self.process is None or has_ended(self.process):
            self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = spawn(
                [sys.executable, MANAGE, "arena", self.part, *self.arguments()],
                env=self.environment,
                pass_fds=self.fds(),
                stdout=log.fileno(),
            )
        self.wait()

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """As the kernel does when memory is short: no last words."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def arguments(self) -> list[str]:
        return []

    def fds(self) -> list[int]:
        return []

    def wait(self) -> None:
        raise AssertionError("each part knows how to tell that it works")

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        process = self.process
        assert process is not None
        wait_until(lambda: is_so() or has_ended(process), f"the {self.part} process")
        assert not has_ended(process), f"the {self.part} process has ended:\n{self.log.read_text()[-5000:]}"


class WorkerProcess(ArenaProcess):
    part = "worker"

    def wait(self) -> None:
        self._wait_until(FirstTask())


class WebProcess(ArenaProcess):
    """The web server on a loopback port of its own, which outlives it."""

    part = "web"

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def arguments(self) -> list[str]:
        return ["--fd", str(self.listener.fileno())]

    def fds(self) -> list[int]:
        return [self.listener.fileno()]

    def start(self) -> None:
        subprocess.run([sys.executable, MANAGE, "arena", "static"], env=self.environment, check=True)
        super().start()

    def stop(self) -> None:
        super().stop()
        self.listener.close()

    def wait(self) -> None:
        self._wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


class LiveArena:
    """Web server and worker together, as browsers and scripts see them."""

    def __init__(self, web: WebProcess, worker: WorkerProcess) -> None:
        self.web = web
        self.worker = worker

    @property
    def url(self) -> str:
        return self.web.url

    @property
    def socket_url(self) -> str:
        return self.url.replace("http://", "ws://", 1)
