"""The catalogue's files, read strictly: the shipped one, and what ARENA_CATALOGUE adds or overrides.

No database here.
"""

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from django.core.exceptions import ImproperlyConfigured

from arena.contestants import checks
from arena.contestants.checks import Check
from arena.contestants.models import KEY_ADVICE, VARIABLE_NAME, Provider

SHIPPED = Path(__file__).with_name("catalogue.toml")

Table = dict[str, object]

_VARIABLE = re.compile(VARIABLE_NAME)

# What says where a contestant is asked. Facts that hold for that place only do not outlive a change of it.
_PLACE = ("provider", "model", "base_url")
_PRICES = ("price_in", "price_out", "price_source")


class CatalogueError(ImproperlyConfigured):
    """One line that names the file, the entry and the field."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A contestant as the catalogue has it. Prices: USD per million tokens, None where not known; `retired` is False
    where a file says that a date no longer holds."""

    slug: str
    name: str
    provider: str
    model: str
    base_url: str = ""
    api_key_env: str = ""
    vendor: str = ""
    family: str = ""
    description: str = ""
    params_b: float | None = None
    context_tokens: int | None = None
    license: str = ""
    released: date | None = None
    retired: date | Literal[False] | None = None
    price_in: float | None = None
    price_out: float | None = None
    price_source: str = ""
    opens_with_reasoning: bool = False
    simulated: bool = False
    active: bool = True
    system: str = ""
    options: Table = field(default_factory=dict)
    timeouts: dict[str, float] = field(default_factory=dict)
    strategy: Table = field(default_factory=dict)
    benchmarks: list[Table] = field(default_factory=list)
    sources: list[Table] = field(default_factory=list)


def read_catalogue(own: str = "") -> list[Entry]:
    """The shipped entries and those of the file `own`, by slug. Raises CatalogueError."""
    tables = _tables(SHIPPED)
    if own:
        for slug, table in _tables(Path(own)).items():
            tables[slug] = _overridden(tables[slug], table) if slug in tables else table
    path = Path(own) if own else SHIPPED
    return [_entry(path, table) for _, table in sorted(tables.items())]


def _overridden(shipped: Table, own: Table) -> Table:
    """Field by field, and limit by limit. Another model id or server makes it another offer: when the shipped one
    retires, and what it costs, is then unknown unless the same file says so. One's own Ollama stays free."""
    merged = shipped | own
    if "timeouts" in shipped and "timeouts" in own:
        merged["timeouts"] = _table(shipped["timeouts"]) | _table(own["timeouts"])
    if all(merged.get(name, "") == shipped.get(name, "") for name in _PLACE):
        return merged
    stays_at_home = merged["provider"] == shipped["provider"] == Provider.OLLAMA
    lost = {"retired"} if stays_at_home else {"retired", *_PRICES}
    return {name: value for name, value in merged.items() if name not in lost or name in own}


def _table(value: object) -> Table:
    return value if isinstance(value, dict) else {}


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
    released, retired = table.get("released"), table.get("retired")
    if isinstance(released, date) and isinstance(retired, date) and retired < released:
        raise CatalogueError(f"{where}: retired: is before its release.")
    return Entry(**table)  # type: ignore[arg-type]  # `_check` has looked at every field


def _check(where: str, table: Table) -> None:
    if unknown := set(table) - set(_CHECKS):
        raise CatalogueError(f"{where}: {min(unknown)}: there is no such field.")
    if "slug" not in table:
        raise CatalogueError(f"{where}: slug: is missing.")
    for name, value in table.items():
        if complaint := _CHECKS[name](value):
            raise CatalogueError(f"{where}: {name}: {complaint}")


def _provider(value: object) -> str:
    return "" if value in Provider.values else f"must be one of {', '.join(Provider.values)}, not {value!r}."


def _api_key_env(value: object) -> str:
    """The value is never repeated: it may be the key itself."""
    if value == "" or (isinstance(value, str) and len(value) <= 80 and _VARIABLE.match(value)):
        return ""
    return KEY_ADVICE


_CHECKS: dict[str, Check] = {
    "slug": checks.slug,
    "name": checks.text(120, required=True),
    "provider": _provider,
    "model": checks.text(200, required=True),
    "base_url": checks.base_url,
    "api_key_env": _api_key_env,
    "vendor": checks.text(80),
    "family": checks.text(80),
    "description": checks.text(2000),
    "params_b": checks.number(checks.MAX_PARAMS_B),
    "context_tokens": checks.context_tokens,
    "license": checks.text(80),
    "released": checks.day,
    "retired": checks.day_or_never,
    "price_in": checks.number(checks.MAX_USD_PER_MTOK),
    "price_out": checks.number(checks.MAX_USD_PER_MTOK),
    "price_source": checks.text(300),
    "opens_with_reasoning": checks.flag,
    "simulated": checks.flag,
    "active": checks.flag,
    "system": checks.text(20_000),
    "options": checks.options,
    "timeouts": checks.timeouts,
    "strategy": checks.strategy,
    "benchmarks": checks.benchmarks,
    "sources": checks.sources,
}
