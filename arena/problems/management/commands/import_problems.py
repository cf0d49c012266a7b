"""`manage.py import_problems FILE`: enters problems; without a file, those the arena ships with."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from arena.problems.services import Imported, import_problems, load_collection


class Command(BaseCommand):
    help = (
        "Enter problems from a file with one JSON object a line: slug, statement, category, and if you like title, "
        "answer, checker, source, notes. A problem whose slug is there already is brought up to date. "
        "Without a file: the problems the arena ships with."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path)

    def handle(self, *args: object, file: Path | None = None, **options: object) -> None:
        if file is None:
            self._report(load_collection())
            return
        try:
            with file.open("rb") as lines:
                done = import_problems(lines)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from error
        self._report(done)
        if done.refused:
            raise CommandError(f"{len(done.refused)} of the lines could not be entered; the rest went in.")

    def _report(self, done: Imported) -> None:
        for number, sentence in done.refused:
            self.stderr.write(f"line {number}: {sentence}")
        self.stdout.write(f"{done.created} entered, {done.updated} brought up to date, {done.unchanged} unchanged.")
