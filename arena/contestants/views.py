"""Who takes part: every contestant with whether it can be drawn, and one with its facts.

Only battles whose names have been shown are counted: a count that moved when a battle starts would give it away.
"""

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from arena.contestants.models import Contestant
from arena.contestants.queries import in_play


@require_safe
def contestants(request: HttpRequest) -> HttpResponse:
    entered = list(_with_battles())
    playing = set(in_play().values_list("pk", flat=True))
    context = {
        "groups": [
            ("In play", "Drawn for new battles.", [one for one in entered if one.pk in playing]),
            ("Resting", "Not drawn at the moment.", [one for one in entered if one.active and one.pk not in playing]),
            (
                "Retired",
                "Never drawn; they keep their place on the leaderboard.",
                [one for one in entered if not one.active],
            ),
        ],
        "is_empty": not entered,
    }
    return render(request, "contestants/list.html", context)


@require_safe
def contestant(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(_with_battles(), slug=slug)
    context = {"contestant": found, "is_in_play": in_play().filter(pk=found.pk).exists()}
    return render(request, "contestants/detail.html", context)


def _with_battles() -> QuerySet[Contestant]:
    revealed = Q(seats__battle__revealed_at__isnull=False, seats__battle__team=None)
    return Contestant.objects.annotate(battle_count=Count("seats", filter=revealed)).order_by(
        "simulated", "name", "slug"
    )
