"""`manage.py discover`: enter what the model servers have, and say in plain words who can take part."""

from collections.abc import Iterable

from django.core.management.base import BaseCommand

from arena.contestants import services
from arena.contestants.models import Contestant
from arena.contestants.services import Discovery


class Command(BaseCommand):
    help = "Asks Ollama, and a configured OpenAI-compatible server, which models they have, and enters them."

    def handle(self, *args: object, **options: object) -> None:
        services.load_catalogue()
        looks = services.look_around()
        discoveries = services.discover(looks)
        services.check_availability(looks)
        for discovery in discoveries:
            self.stdout.write(_sentence(discovery))
        self._list("Can be drawn:", Contestant.objects.available())
        self._list("Cannot:", Contestant.objects.active().filter(is_available=False))

    def _list(self, title: str, contestants: Iterable[Contestant]) -> None:
        lines = [f"  {row.display_name}" + _because(row) for row in contestants]
        if lines:
            self.stdout.write("\n".join([title, *lines]))


def _because(contestant: Contestant) -> str:
    return f": {contestant.unavailable_because}" if contestant.unavailable_because else ""


def _sentence(discovery: Discovery) -> str:
    look = discovery.look
    if look.problem:
        return look.problem
    if look.models is None:
        return f"{look.server.name} answers, but does not list its models: name them in ARENA_CATALOGUE."
    parts = [f"{look.server.name} has {_counted(len(look.models), 'model')}."]
    if discovery.too_many:
        parts.append(f"{discovery.too_many} are too many to enter unasked: name those you want in ARENA_CATALOGUE.")
    for title, names in (
        ("Entered", [row.name for row in discovery.entered]),
        ("Known already", discovery.known),
        ("Left out, no chat model", discovery.left_out),
    ):
        if names:
            parts.append(f"{title}: {', '.join(names)}.")
    return " ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
