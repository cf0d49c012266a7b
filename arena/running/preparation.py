"""What must be right before the arena starts: its folder, the port, the database, static files, first contents."""

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.backends.postgresql import base as postgresql
from redis import RedisError

from arena.contestants.services import load_catalogue
from arena.problems.services import load_collection
from arena.running import redis_clients

BACKLOG = 2048
DATABASE_TIMEOUT_S = 5
PREPARATION_LOCK = 0x72656173  # a number among the advisory locks of the database
MANIFEST = "staticfiles.json"  # Django's, beside the static files
# Django Ninja brings a second viewer of the API's documentation, which takes seconds to compress.
UNUSED_STATIC = ["redoc*"]


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Wait until no other process on this folder is at the work of this name."""
    with _lock_file(f"{name}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def alone_on_database() -> Iterator[None]:
    """Wait until no other machine prepares this database: of two that make the same table, one would fail."""
    database = connections[DEFAULT_DB_ALIAS]  # not `connection`, a stand-in that is of no such class
    if not isinstance(database, postgresql.DatabaseWrapper):
        with alone("database"):
            yield
        return
    keeper = database.copy()
    keeper.settings_dict["OPTIONS"].pop("pool", None)
    try:
        # Held by a transaction, not by a session: behind a pooler such as PgBouncer a session is nobody's.
        keeper.set_autocommit(False)
        with keeper.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # it does nothing while others migrate
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PREPARATION_LOCK])
        yield
    finally:
        keeper.close()


def _lock_file(name: str) -> TextIO:
    try:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        return (settings.VAR_DIR / name).open("a+")
    except OSError as error:
        raise ImproperlyConfigured(f"cannot write to {settings.VAR_DIR} (ARENA_VAR): {error.strerror}.") from error


@contextmanager
def hold_var() -> Iterator[None]:
    """Keep `var/` to ourselves for as long as we live: two arenas on one folder would share Redis and SQLite files."""
    with _lock_file("arena.lock") as lock:
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
    with alone_on_database():
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
    with alone("static"):
        if settings.STATIC_ROOT.is_dir() and stamp.is_file() and stamp.read_text() == digest:
            return
        former = static_names()
        call_command("collectstatic", verbosity=0, interactive=False, ignore_patterns=UNUSED_STATIC)
        drop_static_but(former | static_names())
        stamp.write_text(digest)


def static_names() -> set[str]:
    """The files of the build that was collected last, under the names by which pages ask for them."""
    try:
        return set(json.loads((settings.STATIC_ROOT / MANIFEST).read_text())["paths"].values())
    except OSError:
        return set()


def drop_static_but(names: set[str]) -> None:
    """The former build stays: a web process that still runs serves it, to pages that are still open."""
    kept = {MANIFEST, *(f"{name}{compressed}" for name in names for compressed in ("", ".gz", ".br"))}
    for path in settings.STATIC_ROOT.rglob("*"):
        if path.is_file() and str(path.relative_to(settings.STATIC_ROOT)) not in kept:
            path.unlink()


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
    database = connections[DEFAULT_DB_ALIAS]
    database.close()
    if isinstance(database, postgresql.DatabaseWrapper):
        database.close_pool()
