"""What the leaderboard does when it hears of something."""

from django.dispatch import receiver

from arena.leaderboard import tasks
from arena.voting.signals import ballot_cast


@receiver(ballot_cast)
def refresh_soon(**_: object) -> None:
    tasks.request_refresh()
