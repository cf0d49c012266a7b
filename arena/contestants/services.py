"""Keeping the contestants up to date: the catalogue's entries, what servers offer, and who can be asked."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain, count

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from arena.contestants.catalogue import Entry, read_catalogue
from arena.contestants.discovery import Found, Look, describe, look_at, plain_name
from arena.contestants.errors import KeyMissing, KeyRefused, KeyUnusable, ModelGone, QuotaSpent
from arena.contestants.models import Contestant, Provider, Source
from arena.contestants.retirement import is_retired, retirement_of
from arena.contestants.servers import Server, default_server, server_of, waits_for_own_server

# A server elsewhere with more than these is a marketplace: what of it takes part is for the catalogue to say.
MAX_DISCOVERED = 50
MAX_NAME_CHARS = 120
# A spent account or a model that is gone is not found by looking; a battle finds it.
PASSED_OVER_FOR = timedelta(minutes=15)
Looks = dict[Server, Look]

_LASTING = frozenset(kind.code for kind in (KeyMissing, KeyUnusable, KeyRefused, QuotaSpent, ModelGone))

_FROM_CATALOGUE = (Source.CATALOGUE, Source.SIMULATOR)


@dataclass
class Discovery:
    """What one server offers, and what of that became a contestant."""

    look: Look
    entered: list[Contestant] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    too_many: int = 0


@transaction.atomic
def load_catalogue() -> list[Contestant]:
    """Make the rows as the catalogue says. Returns those that are new or have changed. Raises CatalogueError.

    The catalogue wins in everything but `active`, which is the operator's once the row is there.
    """
    entries = read_catalogue(settings.ARENA_CATALOGUE)
    rows = {row.slug: row for row in Contestant.objects.all()}
    changed = []
    for entry in entries:
        values = _values(entry)
        row = rows.get(entry.slug)
        if row is None:  # or another worker has just made it
            first = {"active": entry.active, "is_available": entry.simulated}
            row, _ = Contestant.objects.get_or_create(slug=entry.slug, defaults=values | first)
        elif all(getattr(row, name) == value for name, value in values.items()):
            continue
        for name, value in values.items():
            setattr(row, name, value)
        row.save(update_fields=values)  # what workers note meanwhile of its server, and what the operator sets, is kept
        changed.append(row)
    return changed


def look_around(*, today: date | None = None) -> Looks:
    """Ask every server that matters what it offers: all at once, within seconds. One that has closed is left alone."""
    day = today or timezone.localdate()
    rows = [row for row in Contestant.objects.active().real() if not is_retired(row, day)]
    return asyncio.run(look_at([*_searched_servers(), *map(server_of, rows)]))


def discover(looks: Looks | None = None) -> list[Discovery]:
    """Enter what the configured Ollama and, if it is not the vendor itself, the OpenAI-compatible server offer."""
    looks = look_around() if looks is None else looks
    return [_enter(looks[server]) for server in _searched_servers()]


def check_availability(looks: Looks | None = None, *, today: date | None = None) -> list[Contestant]:
    """Mark every active contestant available, or say why not. Returns those whose state changed.

    A row whose server was not looked at, because it is newer than the looks, keeps its state until the next time.
    """
    day = today or timezone.localdate()
    looks = look_around(today=day) if looks is None else looks
    catalogue = {entry.slug for entry in read_catalogue(settings.ARENA_CATALOGUE)}
    active = Contestant.objects.active()
    rows = [row for row in active if row.simulated or is_retired(row, day) or server_of(row) in looks]
    now = timezone.now()
    changed = []
    for row in rows:
        if row.source in _FROM_CATALOGUE and row.slug not in catalogue:
            problem = "It is no longer in the catalogue."
        elif is_retired(row, day):
            problem = retirement_of(row, day)
        elif waits_for_own_server(row):
            problem = "It waits for a server of yours: serve it, and name that server in `OPENAI_BASE_URL`."
        else:
            problem = "" if row.simulated else looks[server_of(row)].problem_of(row.model)
        if (row.is_available, row.unavailable_because) != (not problem, problem[:200]):
            changed.append(row)
        row.is_available, row.unavailable_because, row.checked_at = not problem, problem[:200], now
    Contestant.objects.bulk_update(changed, ["is_available", "unavailable_because"], batch_size=100)
    Contestant.objects.filter(pk__in=[row.pk for row in rows]).update(checked_at=now)
    return changed


def note_outcome(contestant: Contestant, *, failure_code: str, why: str) -> None:
    """Pass over a contestant whose next request would fail as this one did, until one succeeds or some time is over.

    It can still be chosen by name, and is drawn where there are too few others.
    """
    row = Contestant.objects.filter(pk=contestant.pk)
    if failure_code in _LASTING:
        row.update(passed_over_until=timezone.now() + PASSED_OVER_FOR, passed_over_because=why)
    elif not failure_code and contestant.passed_over_until is not None:
        row.update(passed_over_until=None, passed_over_because="")


def _searched_servers() -> list[Server]:
    openai = default_server(Provider.OPENAI)
    return [default_server(Provider.OLLAMA), *([openai] if openai.may_be_searched else [])]


def _values(entry: Entry) -> dict[str, object]:
    return {
        "name": entry.name,
        "provider": entry.provider,
        "model": entry.model,
        "base_url": entry.base_url,
        "api_key_env": entry.api_key_env,
        "vendor": entry.vendor,
        "family": entry.family,
        "description": entry.description,
        "params_b": entry.params_b,
        "context_tokens": entry.context_tokens,
        "license": entry.license,
        "released_on": entry.released,
        "retired_on": entry.retired or None,
        "benchmarks": entry.benchmarks,
        "sources": entry.sources,
        "price_in_usd_per_mtok": entry.price_in,
        "price_out_usd_per_mtok": entry.price_out,
        "price_source": entry.price_source,
        "opens_with_reasoning": entry.opens_with_reasoning,
        "options": entry.options,
        "system": entry.system,
        "first_token_timeout_s": entry.timeouts.get("first_token_s"),
        "silence_timeout_s": entry.timeouts.get("silence_s"),
        "deadline_s": entry.timeouts.get("deadline_s"),
        "strategy": entry.strategy,
        "simulated": entry.simulated,
        "source": Source.SIMULATOR if entry.simulated else Source.CATALOGUE,
    }


def _enter(look: Look) -> Discovery:
    discovery = Discovery(look)
    known = _known_models(look.server)
    offered = sorted(look.models or ())
    discovery.known = [model for model in offered if plain_name(model) in known]
    fresh = [model for model in offered if plain_name(model) not in known]
    if len(fresh) > MAX_DISCOVERED and not look.server.is_near:
        discovery.too_many = len(fresh)
        return discovery
    slugs = set(Contestant.objects.values_list("slug", flat=True)) if fresh else set()
    for found in asyncio.run(describe(look.server, fresh)) if fresh else ():
        if not found.is_contestant:
            discovery.left_out.append(found.model)
        elif (contestant := _new_contestant(look.server, found, slugs)) is not None:
            slugs.add(contestant.slug)
            discovery.entered.append(contestant)
    return discovery


def _known_models(server: Server) -> set[str]:
    """Models of this server that a contestant already stands for, whichever protocol it uses."""
    rows: Iterable[Contestant] = Contestant.objects.real()
    return {plain_name(row.model) for row in rows if server_of(row).base_url == server.base_url}


def _new_contestant(server: Server, found: Found, taken: Collection[str]) -> Contestant | None:
    """None if another worker was quicker."""
    name = plain_name(found.model)
    is_ollama = server.provider == Provider.OLLAMA
    contestant = Contestant(
        slug=_free_slug(name, taken),
        name=_shown_name(name),
        vendor=found.vendor,
        family=found.family,
        description=found.description,
        context_tokens=found.max_context,
        license=found.license,
        provider=server.provider,
        model=found.model,
        params_b=found.params_b,
        opens_with_reasoning=found.opens_with_reasoning,
        options={"num_ctx": found.context} if found.context and is_ollama else {},
        source=Source.DISCOVERED,
        is_available=True,
        checked_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            contestant.save()
    except IntegrityError:
        return None
    return contestant


def _shown_name(model: str) -> str:
    """A model's id as a name: one line that runs in one direction, its end kept, where ids differ."""
    name = " ".join("".join(char if char.isprintable() else " " for char in model).split()) or "Unnamed"
    half = MAX_NAME_CHARS // 2
    return name if len(name) <= MAX_NAME_CHARS else f"{name[: half - 1]}…{name[-half:]}"


def _free_slug(name: str, taken: Collection[str]) -> str:
    stem = slugify("".join(char if char.isalnum() else "-" for char in name))[:70].strip("-") or "contestant"
    slugs = chain([stem], (f"{stem}-{number}" for number in count(2)))
    return next(slug for slug in slugs if slug not in taken)
