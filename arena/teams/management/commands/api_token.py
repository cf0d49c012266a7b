"""`manage.py api_token USERNAME`: print a new bearer token, making the user if need be."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from arena.teams.models import User
from arena.teams.services import issue_token


class Command(BaseCommand):
    help = "Prints a new bearer token for the API, and nothing else. It is shown this once only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="made, without a password, if there is no such user")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        try:
            User._meta.get_field("username").clean(username, None)
        except ValidationError as error:
            raise CommandError(f"{username[:40]!r} cannot be a username. {' '.join(error.messages)}") from error
        if User.objects.filter(username=username, is_active=False).exists():
            raise CommandError(f"The account of {username} is switched off: a token would open nothing.")
        self.stdout.write(issue_token(username))
