"""Who plays: each worker process has a name, which its runs carry, and a locked file that shows when it has died.

The kernel lets go of the lock with the process, however it ends. So what a killed worker was playing is known at once
to the other workers of its machine, and to the one that is started in its place; workers elsewhere go by the lease.
"""

import fcntl
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)

NAME_CHARS = 12
RUN_ID_CHARS = 32
# Of this process, which is not forked once it plays.
NAME = uuid.uuid4().hex[:NAME_CHARS]

_locks: list[TextIOWrapper] = []


def new_run_id() -> str:
    return f"{NAME}{uuid.uuid4().hex}"[:RUN_ID_CHARS]


def worker_of(run_id: str) -> str:
    return run_id[:NAME_CHARS]


def show_life() -> None:
    """Lock this worker's file until the process ends. Where files cannot be locked, the lease has to do alone."""
    folder = _folder()
    in_the_making = folder / f".{NAME}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = in_the_making.open("w")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.write(_mark(file))
        file.flush()
        in_the_making.rename(folder / NAME)  # nobody sees it unlocked
    except OSError as error:
        logger.warning("no file can be locked in %s, so a death is noticed later: %s", folder, error)
        return
    _locks.append(file)


def leave() -> None:
    """This worker ends, with nothing left to take over."""
    with suppress(OSError):
        (_folder() / NAME).unlink(missing_ok=True)
    while _locks:
        _locks.pop().close()


@contextmanager
def dead_neighbours() -> Iterator[frozenset[str]]:
    """The names of workers of this machine that have died. They are this caller's to look after until the block ends,
    and forgotten then, unless it raises."""
    with _left_files() as files:
        yield frozenset(path.name for path in files)
        for path in files:
            path.unlink(missing_ok=True)


@contextmanager
def _left_files() -> Iterator[list[Path]]:
    held: list[TextIOWrapper] = []
    left: list[Path] = []
    try:
        for path in _others():
            with suppress(OSError):  # its worker lives, or another worker has just seen to it
                file = path.open()
                held.append(file)
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_whole(path, file):
                    left.append(path)
        yield left
    finally:
        for file in held:
            file.close()


def _others() -> list[Path]:
    try:
        return [path for path in _folder().iterdir() if path.name != NAME and not path.name.startswith(".")]
    except OSError:
        return []


def _is_whole(path: Path, file: TextIOWrapper) -> bool:
    """Not one that was copied along with its folder, whose worker may live, nor one that another has just removed."""
    return path.exists() and file.read() == _mark(file)


def _mark(file: TextIOWrapper) -> str:
    return f"{os.fstat(file.fileno()).st_ino}\n"


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "workers"
