"""The whole arena as a user runs it: starting, dying and stopping, with real processes."""

import json
import os
import re
import signal
import socket
import sys
import urllib.request
from pathlib import Path

import pytest
from django.conf import LazySettings

from arena.running import preparation
from tests.running.arena_runs import ArenaRun

pytestmark = pytest.mark.processes

STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def readyz(run: ArenaRun) -> object:
    with urllib.request.urlopen(f"http://127.0.0.1:{run.port}/readyz", timeout=10) as answer:
        return json.load(answer)["status"]


@pytest.mark.parametrize("number", STOP_SIGNALS, ids=[number.name for number in STOP_SIGNALS])
def test_a_signal_stops_everything_in_order(arena: ArenaRun, number: signal.Signals) -> None:
    assert readyz(arena) == "ready"
    assert len(arena.pids()) >= 5
    arena.process.send_signal(number)
    assert arena.until_ended() == 0
    assert arena.pids() == []
    assert "Traceback" not in arena.output


def test_the_killed_supervisor_leaves_no_process(arena: ArenaRun) -> None:
    arena.process.kill()
    arena.until_nothing_is_left()


def test_every_killed_part_comes_back(arena: ArenaRun) -> None:
    for part in ("worker", "web", "beat", "redis"):
        os.kill(arena.pid_of(part), signal.SIGKILL)
        arena.until_said(f"{part} starts again")
    guard = arena.pid_of("guard")
    os.kill(guard, signal.SIGKILL)
    arena.until(lambda: arena.pid_of("guard") != guard)
    arena.until(lambda: is_ready(arena))
    assert all(arena.pid_of(part) for part in ("worker", "web", "beat", "redis"))


def is_ready(run: ArenaRun) -> bool:
    try:
        return readyz(run) == "ready"
    except OSError:
        return False


def test_a_part_that_is_killed_again_and_again_comes_back_each_time(arena: ArenaRun) -> None:
    for times in range(1, 8):
        os.kill(arena.pid_of("beat"), signal.SIGTERM if times % 2 else signal.SIGKILL)
        arena.until_said("beat starts again", times)
    assert arena.pid_of("beat")
    assert arena.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL], ids=["SIGHUP", "SIGKILL"])
def test_a_signal_to_make_alone_stops_everything(var: Path, tmp_path: Path, number: signal.Signals) -> None:
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"run:\n\t@{sys.executable} manage.py arena --stop-with-parent\n")
    with ArenaRun(var, command=["make", "-f", str(makefile), "run"]) as run:
        run.until_ready()
        run.process.send_signal(number)
        run.until_ended()
        run.until_nothing_is_left()


def test_a_second_arena_on_the_same_folder_is_refused(tmp_path: Path, settings: LazySettings) -> None:
    settings.VAR_DIR = tmp_path
    with preparation.hold_var(), ArenaRun(tmp_path) as second:
        assert second.until_ended() == 1
    assert second.output == f"arena: another arena (process {os.getpid()}) is running on {tmp_path}.\n"


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, ArenaRun(tmp_path, port=taken.getsockname()[1]) as run:
        assert run.until_ended() == 1
    assert run.output == f"arena: port {run.port} on 127.0.0.1 is in use; stop what uses it, or set PORT to another.\n"


def test_a_host_of_another_machine_is_one_line(tmp_path: Path) -> None:
    with ArenaRun(tmp_path, HOST="192.0.2.1") as run:
        assert run.until_ended() == 1
    assert run.output == "arena: HOST '192.0.2.1' is not an address of this machine.\n"


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with ArenaRun(tmp_path / "file" / "var") as run:
        assert run.until_ended() == 1
    assert run.output == f"arena: cannot write to {run.var} (ARENA_VAR): Not a directory.\n"


def test_a_redis_that_cannot_start_is_one_line(var: Path) -> None:
    (var / "redis").rename(var / "elsewhere")
    (var / "redis").touch()  # where the folder of append-only files should be
    with ArenaRun(var) as run:
        assert run.until_ended() == 1
    assert re.fullmatch(r"arena: the embedded Redis does not start: .*\.\n", run.output)
    assert run.pids() == []


def test_a_configured_redis_that_is_away_is_one_line(var: Path) -> None:
    with ArenaRun(var, REDIS_URL="redis://someone:secret@127.0.0.1:9/0") as run:
        assert run.until_ended() == 1
    assert run.output.startswith("arena: no Redis answers at redis://127.0.0.1:9/0 (REDIS_URL): ")
    assert run.output.count("\n") == 1
    assert "secret" not in run.output


def test_a_database_that_is_away_is_one_line(var: Path) -> None:
    with ArenaRun(var, DATABASE_URL="postgres://someone:secret@127.0.0.1:9/arena") as run:
        assert run.until_ended() == 1
    assert run.output.startswith("arena: the database does not answer (DATABASE_URL): ")
    assert run.output.count("\n") == 1
    assert "secret" not in run.output
    assert run.pids() == []


def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path) -> None:
    with ArenaRun(tmp_path, LOG_LEVEL="loud") as run:
        assert run.until_ended() == 1
    assert run.output.startswith("arena: LOG_LEVEL must be one of ")
    assert run.output.count("\n") == 1
