"""The catalogue's files, read strictly: the shipped one, and what ARENA_CATALOGUE adds or overrides.

No database here.
"""

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from arena.contestants.models import KEY_ADVICE, VARIABLE_NAME, Provider

SHIPPED = Path(__file__).with_name("catalogue.toml")

Table = dict[str, object]

_SLUG = re.compile(r"[a-z0-9_-]+")
_VARIABLE = re.compile(VARIABLE_NAME)
_MAX_USD_PER_MTOK = 100_000.0
_MAX_PARAMS_B = 1_000_000.0


class CatalogueError(ImproperlyConfigured):
    """One line that names the file, the entry and the field."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A contestant as the catalogue has it. Prices: USD per million tokens, None where not known."""

    slug: str
    name: str
    provider: str
    model: str
    base_url: str = ""
    api_key_env: str = ""
    params_b: float | None = None
    license: str = ""
    price_in: float | None = None
    price_out: float | None = None
    opens_with_reasoning: bool = False
    simulated: bool = False
    active: bool = True
    options: Table = field(default_factory=dict)
    strategy: Table = field(default_factory=dict)


def read_catalogue(own: str = "") -> list[Entry]:
    """The shipped entries and those of the file `own`, by slug. Raises CatalogueError."""
    tables = _tables(SHIPPED)
    if own:
        for slug, table in _tables(Path(own)).items():
            tables[slug] = tables.get(slug, {}) | table
    path = Path(own) if own else SHIPPED
    return [_entry(path, table) for _, table in sorted(tables.items())]


def _tables(path: Path) -> dict[str, Table]:
    """The entries of a file by slug, each checked field by field."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read (ARENA_CATALOGUE): {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CatalogueError(f"{path}: is not TOML: {error}.") from error
    if unknown := set(content) - {"contestant"}:
        raise CatalogueError(f"{path}: knows only [[contestant]], not {min(unknown)!r}.")
    entries = content.get("contestant", [])
    if not isinstance(entries, list):
        raise CatalogueError(f"{path}: write [[contestant]] with two brackets.")
    tables: dict[str, Table] = {}
    for number, table in enumerate(entries, start=1):
        if not isinstance(table, dict):
            raise CatalogueError(f"{path}: contestant {number}: must be a table.")
        slug = table.get("slug")
        where = f"{path}: contestant {number}" if slug is None else f"{path}: contestant {slug!r}"
        _check(where, table)
        if str(slug) in tables:
            raise CatalogueError(f"{where}: slug: is used twice.")
        tables[str(slug)] = table
    return tables


def _entry(path: Path, table: Table) -> Entry:
    where = f"{path}: contestant {table['slug']!r}"
    for name in ("name", "provider", "model"):
        if name not in table:
            raise CatalogueError(f"{where}: {name}: is missing.")
    if table.get("simulated") and table.get("base_url"):
        raise CatalogueError(f"{where}: base_url: a simulated contestant has none.")
    return Entry(**table)  # type: ignore[arg-type]  # `_check` has looked at every field


def _check(where: str, table: Table) -> None:
    if unknown := set(table) - set(_CHECKS):
        raise CatalogueError(f"{where}: {min(unknown)}: there is no such field.")
    if "slug" not in table:
        raise CatalogueError(f"{where}: slug: is missing.")
    for name, value in table.items():
        if complaint := _CHECKS[name](value):
            raise CatalogueError(f"{where}: {name}: {complaint}")


# Each gives a complaint, or "" for a good value.
Check = Callable[[object], str]


def _text(max_chars: int, *, required: bool = False) -> Check:
    def check(value: object) -> str:
        if not isinstance(value, str):
            return "must be a text in quotes."
        if required and not value.strip():
            return "must not be empty."
        if "\0" in value or len(value) > max_chars:
            return f"must have at most {max_chars} characters, and no NUL."
        return ""

    return check


def _number(high: float) -> Check:
    def check(value: object) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= high
        return "" if is_number else f"must be a number between 0 and {high:g}."

    return check


def _slug(value: object) -> str:
    if isinstance(value, str) and len(value) <= 80 and _SLUG.fullmatch(value):
        return ""
    return "must be small letters, digits and hyphens, at most 80."


def _provider(value: object) -> str:
    return "" if value in Provider.values else f"must be one of {', '.join(Provider.values)}, not {value!r}."


def _base_url(value: object) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or len(value) > 300:
        return "must be a URL of at most 300 characters."
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        return f"must be a URL that starts with http:// or https://, not {value!r}."
    return "must not hold a password." if parts.password else ""


def _api_key_env(value: object) -> str:
    """The value is never repeated: it may be the key itself."""
    if value == "" or (isinstance(value, str) and len(value) <= 80 and _VARIABLE.match(value)):
        return ""
    return KEY_ADVICE


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "must be true or false."


def _options(value: object) -> str:
    if not isinstance(value, dict):
        return "must be a table."
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return "may hold texts, finite numbers, true, false, lists and tables only."
    return ""


def _strategy(value: object) -> str:
    return "" if value in ({}, {"kind": "plain"}) else 'knows only kind = "plain".'


_CHECKS: dict[str, Check] = {
    "slug": _slug,
    "name": _text(120, required=True),
    "provider": _provider,
    "model": _text(200, required=True),
    "base_url": _base_url,
    "api_key_env": _api_key_env,
    "params_b": _number(_MAX_PARAMS_B),
    "license": _text(80),
    "price_in": _number(_MAX_USD_PER_MTOK),
    "price_out": _number(_MAX_USD_PER_MTOK),
    "opens_with_reasoning": _flag,
    "simulated": _flag,
    "active": _flag,
    "options": _options,
    "strategy": _strategy,
}
