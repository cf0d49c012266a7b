"""`manage.py refresh_leaderboard`: count all ballots again, now."""

from typing import Any

from django.core.management.base import BaseCommand

from arena.leaderboard.models import Board
from arena.leaderboard.services import refresh_leaderboard


class Command(BaseCommand):
    help = "Count all ballots again and save what changed on the leaderboard."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = {snapshot.board: snapshot for snapshot in refresh_leaderboard()}
        for board in Board:
            if board in changed:
                snapshot = changed[board]
                self.stdout.write(f"{board}: ballots {snapshot.ballots}, battles {snapshot.battles}.")
            else:
                self.stdout.write(f"{board}: nothing new.")
