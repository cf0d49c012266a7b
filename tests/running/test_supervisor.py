"""What the supervisor makes of the deaths of its parts, with small programs in their place."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured

from arena.running import supervisor
from arena.running.children import Guard, spawn
from arena.running.supervisor import QUICK_DEATHS_MAX, Child, Supervisor, stop_limit_s
from tests.live import wait_until

LIMIT_S = 60.0
BY_ITSELF = "echo no luck; exit 1"
KILLED = "kill -KILL $$"
IN_GOOD_ORDER = "exit 0"
PATIENT = "trap '' TERM; echo here; exec sleep 600"


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setattr(supervisor, "BACK_OFF_S", 0.001)
    made = Supervisor()
    made._guard = Guard()
    yield made
    made._stop_all()
    made._guard.dismiss()
    made._selector.close()


def tell(name: str, line: str) -> None:
    supervisor.write(f"{name} | {line}\n")


def part(program: str, name: str = "beat") -> Child:
    command = ["sh", "-c", program]
    return Child(name, partial(spawn, command, stdout=subprocess.PIPE), tell)


def begin(watching: Supervisor, child: Child) -> Child:
    watching.children[child.name] = child
    watching._start(child)
    return child


def turn_until(watching: Supervisor, is_so: Callable[[], object], what: str) -> None:
    def turned() -> object:
        watching._turn(0.01)
        return is_so()

    wait_until(turned, what, limit_s=LIMIT_S)


def test_part_that_cannot_start_is_given_up_with_its_reason(
    watching: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(watching, part(BY_ITSELF))
    with pytest.raises(ImproperlyConfigured, match=f"beat ended {QUICK_DEATHS_MAX} times in a row .* exit status 1"):
        turn_until(watching, lambda: False, "the end")
    assert capsys.readouterr().out.count("beat | no luck") == QUICK_DEATHS_MAX


@pytest.mark.parametrize("program", [KILLED, IN_GOOD_ORDER])
def test_part_that_others_end_is_started_again_however_often(
    watching: Supervisor, program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    child = begin(watching, part(program))
    said = ""

    def starts() -> int:
        nonlocal said
        said += capsys.readouterr().out
        return said.count("beat starts again")

    turn_until(watching, lambda: starts() > 2 * QUICK_DEATHS_MAX, "the starts")
    assert child.quick_deaths == 0


def test_pause_before_the_next_start_grows_however_a_part_ended() -> None:
    child = part(KILLED)
    pauses = []
    for _ in range(8):
        with child.start():
            pass
        buried_at = time.monotonic()
        child.bury()
        pauses.append(round(child.restart_at - buried_at))
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0, supervisor.BACK_OFF_MAX_S)


def test_worker_has_the_time_to_finish_that_is_set_and_then_some(settings: LazySettings) -> None:
    settings.ARENA_STOP_GRACE_S = 600.0
    assert stop_limit_s("worker") > 600.0
    assert stop_limit_s("web") < 60.0


def test_third_request_kills_what_will_not_end(watching: Supervisor) -> None:
    child = begin(watching, part(PATIENT, "worker"))
    lines: list[str] = []
    child._write_line = lambda name, line: lines.append(line)
    turn_until(watching, lambda: lines, "the part to be there")
    watching.stop_requests = 1
    turn = watching._turn

    def turn_and_ask_again(timeout: float | None) -> None:
        watching.stop_requests += 1
        turn(timeout)

    watching._turn = turn_and_ask_again  # type: ignore[method-assign]
    watching._stop_all()
    assert child.process is None
    assert watching.stop_requests >= 3


def test_successor_takes_over_once_it_works_and_the_former_part_may_end(
    watching: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    works: list[str] = []
    former = begin(watching, part("sleep 60", "worker"))
    begin(watching, part("sleep 60"))
    new = part("sleep 60", "worker")
    watching._successors["worker"] = new, lambda: bool(works)
    watching._start(new)
    watching._renew_if_asked()
    assert watching.children["worker"] is former
    works.append("now")
    watching._renew_if_asked()
    assert watching.children["worker"] is new
    turn_until(watching, lambda: former.process is None, "the end of the former worker")
    turn_until(watching, lambda: "beat starts again" in capsys.readouterr().out, "another beat")
    assert new.is_alive


def test_successor_that_cannot_start_leaves_the_former_part_alone(
    watching: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    former = begin(watching, part("sleep 60", "worker"))
    new = part(BY_ITSELF, "worker")
    watching._successors["worker"] = new, lambda: False
    watching._start(new)
    turn_until(watching, lambda: not watching._successors, "the end of the new worker")
    assert former.is_alive
    assert "the new worker has ended (exit status 1): the former one goes on" in capsys.readouterr().out


def test_successor_that_never_works_is_ended_and_the_former_part_goes_on(
    watching: Supervisor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without that nothing could be restarted any more: what comes after it waits for it."""
    monkeypatch.setattr(supervisor, "READY_LIMIT_S", 0.0)
    former = begin(watching, part("sleep 60", "worker"))
    new = part("sleep 60", "worker")
    watching._successors["worker"] = new, lambda: False
    watching._start(new)
    watching._renew_if_asked()
    turn_until(watching, lambda: not watching._successors, "the end of the new worker")
    assert (watching.children["worker"], former.is_alive) == (former, True)
    assert "the new worker does not work" in capsys.readouterr().out


def test_signal_names_are_told() -> None:
    assert supervisor.how_it_ended(-signal.SIGKILL) == "SIGKILL"
