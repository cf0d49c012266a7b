"""The guard: reads process numbers from a pipe (`+12`, `-12`); when the pipe closes, ends the processes still listed.

Run as a script, without Django: see children.py.
"""

import os
import signal
import sys
import time

GRACE_S = 3.0
POLL_S = 0.05


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end(group: int, signal_number: signal.Signals) -> None:
    try:
        os.killpg(group, signal_number)
    except (ProcessLookupError, PermissionError):
        return


def watch() -> set[int]:
    """The groups still listed when the pipe closes."""
    groups: set[int] = set()
    for line in sys.stdin:
        number = int(line[1:])
        if line.startswith("+"):
            groups.add(number)
        else:
            groups.discard(number)
    return groups


def main() -> None:
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    groups = watch()
    for group in groups:
        end(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while (groups := {group for group in groups if is_alive(group)}) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    for group in groups:
        end(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
