"""A PostgreSQL of the test run's own: a new cluster in a temporary folder, on a loopback port, gone with the run."""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from arena.running.children import PR_SET_PDEATHSIG, PRCTL

HOW_TO_GET_IT = "apt-get install postgresql"
START_LIMIT_S = 30
FAST_STOP = signal.SIGINT  # connections are cut
# What a crash would lose is no loss here, and none of it is waited for.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


def find_programs() -> Path | None:
    """The folder of initdb and postgres. Debian keeps it off the PATH."""
    if found := shutil.which("initdb"):
        folder = Path(found).resolve().parent
        if (folder / "postgres").exists():
            return folder
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda folder: float(folder.parent.name), default=None)


def owner() -> str | None:
    """Whom to run it as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Cluster:
    """Start it, use `url`, stop it."""

    def __init__(self, programs: Path, options: Mapping[str, str] = FAST) -> None:
        self.programs = programs
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="arena-pg-"))
        self.user = owner()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        self.url = f"postgres://arena@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self.make()
        self.launch()
        atexit.register(self.stop)
        self.wait_until_it_answers()

    def make(self) -> None:
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        data = str(self.folder / "data")
        self._run(self.programs / "initdb", "-D", data, "-U", "arena", "-A", "trust", "-E", "UTF8", "--no-sync")

    def launch(self) -> "subprocess.Popen[bytes]":
        """The server process, which dies with the calling thread. It takes a moment until it answers."""
        options = [f"-c{name}={value}" for name, value in self.options.items()]
        where = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-h", "127.0.0.1", "-p", str(self.port)]
        command = [str(self.programs / "postgres"), *where, *options]
        us = os.getpid()

        def die_with_us() -> None:
            if PRCTL is not None:
                PRCTL(PR_SET_PDEATHSIG, signal.SIGINT)
                if os.getppid() != us:
                    os._exit(1)

        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                user=self.user,
                start_new_session=True,
                preexec_fn=die_with_us,
            )
        return self.process

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(FAST_STOP)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        ready = [str(self.programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def _run(self, program: Path, *arguments: str) -> None:
        done = subprocess.run(
            [program, *arguments], cwd=self.folder, user=self.user, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program.name} failed: {done.stderr or done.stdout}")
