"""What must be right before the arena starts: its folder, the port, the database, static files, first contents."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.backends.postgresql import base as postgresql
from redis import RedisError

from arena.contestants.services import load_catalogue
from arena.problems.services import load_collection
from arena.running import redis_clients

BACKLOG = 2048
DATABASE_TIMEOUT_S = 5
# Django Ninja brings a second viewer of the API's documentation, which takes seconds to compress.
UNUSED_STATIC = ["redoc*"]


@contextmanager
def hold_var() -> Iterator[None]:
    """Keep `var/` to ourselves for as long as we live: two arenas on one folder would share Redis and SQLite files."""
    path = settings.VAR_DIR / "arena.lock"
    try:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+")
    except OSError as error:
        raise ImproperlyConfigured(f"cannot write to {settings.VAR_DIR} (ARENA_VAR): {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            owner = lock.read().strip()
            who = f" (process {owner})" if owner else ""
            raise ImproperlyConfigured(f"another arena{who} is running on {settings.VAR_DIR}.") from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def owner_of_var() -> int:
    """The process of the arena that runs on `var/`. Raises ImproperlyConfigured if there is none."""
    try:
        with (settings.VAR_DIR / "arena.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int((settings.VAR_DIR / "arena.lock").read_text())
    except OSError:
        pass
    raise ImproperlyConfigured(f"no arena is running on {settings.VAR_DIR}.")


def listen() -> socket.socket:
    """The socket that web processes inherit: while one restarts, browsers wait in its queue, not refused."""
    host, port = settings.HOST, settings.PORT
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ImproperlyConfigured(f"HOST {host!r} is not an address of this machine: {error.strerror}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ImproperlyConfigured(why_not_listening(error, host, port)) from error
    return listener


def why_not_listening(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; stop what uses it, or set PORT to another."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"HOST {host!r} is not an address of this machine."
    if error.errno == errno.EACCES:
        return f"port {port} may not be used by this user; set PORT to one above 1023."
    return f"cannot listen on {host}, port {port}: {error.strerror}."


def check_redis() -> None:
    """The configured Redis must answer."""
    try:
        redis_clients.client().ping()
    except (RedisError, OSError) as error:
        raise ImproperlyConfigured(f"no Redis answers at {redis_clients.shown_url()} (REDIS_URL): {error}.") from error


def check_database() -> None:
    """The database must answer. Asked without a pool, which would go on trying for half a minute."""
    options = connection.settings_dict["OPTIONS"]
    if "pool" in options:
        without_pool = {name: value for name, value in options.items() if name != "pool"}
        connection.settings_dict["OPTIONS"] = {"connect_timeout": DATABASE_TIMEOUT_S} | without_pool
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ImproperlyConfigured(f"the database does not answer (DATABASE_URL): {reason}.") from error
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = options


def prepare_database() -> None:
    """Bring the tables up to date and enter the shipped contestants and problems."""
    check_database()
    call_command("migrate", verbosity=0, interactive=False)
    load_catalogue()
    load_collection()


def collect_static() -> None:
    """Copy, hash and compress the built front end, unless that has been done for this very build."""
    built = Path(settings.STATICFILES_DIRS[0])
    if not built.is_dir():
        raise ImproperlyConfigured(f"the front end is not built: there is no {built}; run `make build`.")
    stamp = settings.VAR_DIR / "static.build"
    digest = build_digest(built)
    if settings.STATIC_ROOT.is_dir() and stamp.is_file() and stamp.read_text() == digest:
        return
    call_command("collectstatic", verbosity=0, interactive=False, clear=True, ignore_patterns=UNUSED_STATIC)
    stamp.write_text(digest)


def build_digest(folder: Path) -> str:
    """Changes when a file of the build does: names, sizes and times are looked at, not contents."""
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def prepare() -> None:
    """All of it, for a machine whose processes are started by something else than `arena`."""
    prepare_database()
    collect_static()


def close_database() -> None:
    """Leave no connection, and no thread of a pool, in a process that is going to start others."""
    connection.close()
    if isinstance(connection, postgresql.DatabaseWrapper):
        connection.close_pool()
