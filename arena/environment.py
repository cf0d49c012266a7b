"""Reading settings from the environment: a wrong value is refused with one line that names its variable."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
OLLAMA_PORT = 11434


def read_dotenv(path: Path) -> None:
    """Put the lines of a `.env` file into the environment; variables already set win."""
    if path.is_file():
        environ.Env.read_env(path)


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_list(name: str, default: list[str]) -> list[str]:
    words = [word.strip() for word in env_str(name).split(",")]
    return [word for word in words if word] or default


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


def _checked_url(name: str, url: str, schemes: tuple[str, ...]) -> str:
    if "://" not in url and "http" in schemes:
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not a URL: {error}.") from error
    if parts.scheme not in schemes or not (parts.netloc or parts.path):
        raise ImproperlyConfigured(f"{name} must be a URL that starts with {' or '.join(schemes)}://.")
    return url.rstrip("/")


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
