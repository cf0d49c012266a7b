"""Which contestants may be drawn."""

from django.conf import settings

from arena.contestants.models import Contestant, ContestantQuerySet


def in_play() -> ContestantQuerySet:
    """Available contestants. Simulated ones only while no real one is available, or as ARENA_SIMULATED says."""
    available = Contestant.objects.available()
    if settings.ARENA_SIMULATED == "always":
        return available
    real = available.real()
    if settings.ARENA_SIMULATED == "auto" and not real.exists():
        return available
    return real
