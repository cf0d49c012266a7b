"""One dated set of ratings, intervals and ranks per board."""

from django.db import models


class Board(models.TextChoices):
    REASONING = "reasoning", "Reasoning"
    PREFERENCE = "preference", "Preference"


class Snapshot(models.Model):
    """A board as it stood at `updated_at`. `arena.leaderboard.services` writes `rows` and `pairs`."""

    board = models.CharField(max_length=12, choices=Board)
    updated_at = models.DateTimeField(auto_now_add=True)
    ballots = models.PositiveIntegerField()
    battles = models.PositiveIntegerField()
    rows = models.JSONField(default=list)
    pairs = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(fields=["board", "-updated_at"])]
        get_latest_by = "updated_at"

    def __str__(self) -> str:
        return f"{self.board} at {self.updated_at:%Y-%m-%d %H:%M:%S}"
