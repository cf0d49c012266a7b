"""What the leaderboard does when it hears of something."""

from django.dispatch import receiver

from arena.leaderboard import tasks
from arena.teams.signals import standing_changed
from arena.voting.signals import ballot_cast


@receiver([ballot_cast, standing_changed])
def refresh_soon(**_: object) -> None:
    tasks.request_refresh()
