"""Who takes part: every contestant with whether it can be drawn, and one with its facts.

Only battles whose names have been shown are counted: a count that moved when a battle starts would give it away.
Availability comes from checks at fixed times, which know nothing of battles.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from arena.contestants.facts import limits_of, options_of
from arena.contestants.models import Contestant, Provider
from arena.contestants.queries import in_play
from arena.contestants.servers import server_of
from arena.contestants.standing import Place, Standing, State, place_of, standing_of

_GROUPS = {
    State.IN_PLAY: ("In play", "Drawn for new battles."),
    State.RESTING: ("Resting", "Not drawn at the moment; each says what it waits for."),
    State.OFF: ("Switched off", "Entered, but not drawn."),
    State.RETIRED: ("Retired", "Never drawn; they keep their place on the leaderboard."),
}
_PLACES = {Place.OWN: "Your own machines", Place.HOSTED: "Hosted", Place.SIMULATED: "Simulated"}
_PROTOCOLS = {provider.value: provider.label for provider in Provider}


@dataclass(frozen=True, slots=True)
class Card:
    contestant: Contestant
    standing: Standing
    place: Place


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that narrows the list."""

    label: str
    address: str
    count: int
    is_current: bool


@require_safe
def contestants(request: HttpRequest) -> HttpResponse:
    cards = _cards(_with_battles(), today=timezone.localdate())
    place = _chosen(request, "where", _PLACES)
    protocol = _chosen(request, "protocol", _PROTOCOLS)
    here = [card for card in cards if place in ("", card.place)]
    spoken = [card for card in cards if protocol in ("", card.contestant.provider)]
    shown = [card for card in here if card in spoken]
    context = {
        "groups": [
            (state, title, about, members)
            for state, (title, about) in _GROUPS.items()
            if (members := [card for card in shown if card.standing.state == state])
        ],
        "places": _choices(request.GET, "where", place, _PLACES, [str(card.place) for card in spoken]),
        "protocols": _choices(
            request.GET, "protocol", protocol, _PROTOCOLS, [card.contestant.provider for card in here]
        ),
        "is_empty": not cards,
        "is_narrowed": bool(place or protocol),
    }
    return render(request, "contestants/list.html", context)


@require_safe
def contestant(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(_with_battles(), slug=slug)
    (card,) = _cards([found], today=timezone.localdate())
    context = {
        "contestant": found,
        "standing": card.standing,
        "place": card.place,
        "server": None if found.simulated else server_of(found),
        "limits": limits_of(found),
        "options": options_of(found),
    }
    return render(request, "contestants/detail.html", context)


def _with_battles() -> QuerySet[Contestant]:
    revealed = Q(seats__battle__revealed_at__isnull=False, seats__battle__team=None)
    return Contestant.objects.annotate(battle_count=Count("seats", filter=revealed)).order_by(
        "simulated", "name", "slug"
    )


def _cards(rows: Iterable[Contestant], *, today: date) -> list[Card]:
    playing = set(in_play().values_list("pk", flat=True))
    return [Card(row, standing_of(row, in_play=row.pk in playing, today=today), place_of(row)) for row in rows]


def _chosen(request: HttpRequest, name: str, choices: Iterable[str]) -> str:
    value = request.GET.get(name, "")
    return value if value in list(choices) else ""


def _choices(
    asked: QueryDict, name: str, chosen: str, labels: dict[str, str] | dict[Place, str], values: list[str]
) -> list[Choice]:
    """One link a value that somebody has, after the one to all of them."""
    links = [Choice("All", _address(asked, name, ""), len(values), not chosen)]
    for value, label in labels.items():
        if value in values or value == chosen:
            links.append(Choice(label, _address(asked, name, str(value)), values.count(value), value == chosen))
    return links


def _address(asked: QueryDict, name: str, value: str) -> str:
    query = {key: str(asked[key]) for key in ("where", "protocol") if key in asked} | {name: value}
    return f"?{urlencode({key: word for key, word in query.items() if word})}"
