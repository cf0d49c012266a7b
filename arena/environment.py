"""Reading settings from the environment: a wrong value is refused with one line that names its variable."""

import os
import warnings
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
OLLAMA_PORT = 11434
MAX_USD = 1_000_000_000
# A server that is switched off says nothing: without these a query would wait for it for a quarter of an hour.
POSTGRES_OPTIONS: dict[str, object] = {
    "application_name": "reasoning-arena",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# By itself a pool goes on trying with growing pauses: after an outage of a minute it would be away for half a minute
# more, and every page would hang meanwhile. Ours gives up at once, and tries again when somebody asks.
POSTGRES_POOL: dict[str, object] = {"min_size": 0, "timeout": 10, "reconnect_timeout": 1}


def read_dotenv(path: Path) -> None:
    """Put the lines of a `.env` file into the environment; variables already set win."""
    if path.is_file():
        environ.Env.read_env(path)


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_hosts(name: str, default: list[str]) -> list[str]:
    hosts = _words(name)
    for host in hosts:
        if "/" in host:
            raise ImproperlyConfigured(f"{name} must hold host names, without http:// or a path, not {host!r}.")
    return hosts or default


def env_origins(name: str) -> list[str]:
    origins = _words(name)
    for origin in origins:
        if not origin.startswith(("http://", "https://")):
            raise ImproperlyConfigured(f"{name} must hold addresses that start with https:// (or http://): {origin!r}.")
    return [origin.rstrip("/") for origin in origins]


def env_bool(name: str, *, default: bool) -> bool:
    word = env_str(name).lower()
    if not word:
        return default
    if word in TRUE_WORDS | FALSE_WORDS:
        return word in TRUE_WORDS
    raise ImproperlyConfigured(f"{name} must be true or false, not {word!r}.")


def env_int(name: str, default: int, *, low: int, high: int) -> int:
    return _env_number(name, int, default, low, high, "a whole number")


def env_float(name: str, default: float, *, low: float, high: float) -> float:
    return _env_number(name, float, default, low, high, "a number")


def env_usd(name: str) -> Decimal | None:
    """An amount of US dollars; None where none is set."""
    word = env_str(name)
    if not word:
        return None
    try:
        amount = Decimal(word)
    except InvalidOperation as error:
        raise ImproperlyConfigured(
            f"{name} must be an amount of US dollars, such as 25 or 2.50, not {word!r}."
        ) from error
    if not amount.is_finite() or not 0 <= amount <= MAX_USD:
        raise ImproperlyConfigured(f"{name} must be between 0 and {MAX_USD:,} US dollars, not {word}.")
    return amount


def env_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    word = env_str(name, default).lower()
    if word not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {word!r}.")
    return word


def env_url(name: str, default: str, *, schemes: tuple[str, ...]) -> str:
    """A URL without a slash at its end; `host:port` alone is taken as http."""
    return _checked_url(name, env_str(name, default), schemes)


def env_ollama_host(name: str, default: str) -> str:
    """Ollama's own variable, as its programs read it: `host`, `:port` or `host:port` will do, and the addresses that
    its server listens on mean this machine."""
    word = env_str(name, default)
    if "://" not in word:
        address, slash, path = word.partition("/")
        if address.count(":") > 1 and not address.startswith("["):  # IPv6 alone
            address = f"[{address}]"
        host, colon, port = address.rpartition(":") if address.rpartition(":")[2].isdigit() else (address, "", "")
        word = f"http://{host or '127.0.0.1'}:{port or OLLAMA_PORT}{slash}{path}"
    url = _checked_url(name, word, ("http", "https"))
    for everywhere, here in (("//0.0.0.0", "//127.0.0.1"), ("//[::]", "//[::1]")):
        url = url.replace(everywhere, here, 1)
    return url


def env_database(name: str, default: str, *, pool_size: int, sqlite_for_tests: Path) -> dict[str, object]:
    """The database behind a URL, with the options each kind needs under many writers beside those of the URL itself."""
    config = _database_config(name, env_str(name, default))
    options = config.pop("OPTIONS", {})
    match config.get("ENGINE"):
        case "django.db.backends.sqlite3":
            # Writers queue at BEGIN instead of failing in mid-transaction with "database is locked".
            pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            # Prepared statements that are kept would take 200 kB a connection, and save no time that can be measured.
            sparing = {"cached_statements": 0}
            ours = {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": pragmas} | sparing
            # Kept open: opening it costs more than the queries of a page.
            keep = {"CONN_MAX_AGE": None, "TEST": {"NAME": str(sqlite_for_tests)}}
            return {**config, **keep, "OPTIONS": ours | options}
        case "django.db.backends.postgresql":
            return {
                **config,
                "CONN_HEALTH_CHECKS": True,  # one that died with its server is found out before a page stumbles over it
                "DISABLE_SERVER_SIDE_CURSORS": True,  # they outlive a transaction, which PgBouncer does not allow
                "OPTIONS": POSTGRES_OPTIONS | {"pool": POSTGRES_POOL | {"max_size": pool_size}} | options,
            }
    raise ImproperlyConfigured(f"{name} must start with sqlite:// or postgres://.")


def _database_config(name: str, url: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a scheme it does not know, with the password in it
            return dict(environ.Env.db_url_config(url))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        kind = type(error).__name__  # its text may hold the password
        raise ImproperlyConfigured(f"{name} is not a database URL ({kind}).") from None


def _words(name: str) -> list[str]:
    return [word for word in map(str.strip, env_str(name).split(",")) if word]


def _checked_url(name: str, url: str, schemes: tuple[str, ...]) -> str:
    if "://" not in url and "http" in schemes:
        url = f"http://{url}"
    parts = _url_parts(url)
    if parts is None:  # neither the address nor the error is repeated: they may hold a password
        raise ImproperlyConfigured(f"{name} is not a URL: its port, or what stands before it, is wrong.")
    if parts.scheme not in schemes or not (parts.netloc or parts.path):
        raise ImproperlyConfigured(
            f"{name} must be a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}."
        )
    return url.rstrip("/")


def _url_parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _env_number(name: str, cast: Callable[[str], T], default: T, low: T, high: T, kind: str) -> T:
    word = env_str(name)
    if not word:
        return default
    try:
        value = cast(word)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be {kind}, not {word!r}.") from error
    if not low <= value <= high:  # type: ignore[operator]  # T is int or float
        raise ImproperlyConfigured(f"{name} must be between {low} and {high}, not {word}.")
    return value
