from importlib import import_module

from django.apps import AppConfig


class LeaderboardConfig(AppConfig):
    name = "arena.leaderboard"

    def ready(self) -> None:
        # Not at the top: receivers need models, which are there only now.
        import_module("arena.leaderboard.receivers")
