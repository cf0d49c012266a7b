"""The guard alone, on processes that the kernel would leave behind."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from arena.running import guard
from arena.running.children import Guard

LIMIT_S = guard.GRACE_S + 10


@contextmanager
def stray(program: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is not bound to this one, and has said that it is there."""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    with process:
        process.stdout.readline()
        yield process
        process.kill()


SLEEPS = "print(flush=True); import time; time.sleep(60)"
WONT_STOP = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"


def test_what_is_left_when_the_pipe_closes_is_ended() -> None:
    with stray(SLEEPS) as process:
        watch = Guard()
        watch.watch(process.pid)
        watch.dismiss()
        assert process.wait(LIMIT_S) == -signal.SIGTERM


def test_what_does_not_end_is_killed() -> None:
    with stray(WONT_STOP) as process:
        watch = Guard()
        watch.watch(process.pid)
        watch.dismiss()
        assert process.wait(LIMIT_S) == -signal.SIGKILL


def test_what_was_waited_for_is_let_alone() -> None:
    with stray(SLEEPS) as process:
        watch = Guard()
        watch.watch(process.pid)
        watch.forget(process.pid)
        watch.dismiss()
        assert process.poll() is None


def test_a_killed_guard_is_replaced_by_one_that_knows_the_same() -> None:
    with stray(SLEEPS) as process:
        watch = Guard()
        watch.watch(process.pid)
        assert watch.process is not None
        watch.process.kill()
        watch.process.wait()
        watch.revive()
        watch.dismiss()
        assert process.wait(LIMIT_S) == -signal.SIGTERM
