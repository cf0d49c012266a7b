"""`manage.py arena`: the whole arena in one terminal, or one of its parts alone."""

import os
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from arena.running import preparation, processes
from arena.running.supervisor import RENEW_SIGNAL, Supervisor

PARTS = {
    "all": "everything, supervised (the default)",
    "web": "the web server alone",
    "worker": "a worker alone",
    "beat": "the clock alone",
    "restart": "have the arena that runs here take on new code and settings, without losing a word",
    "prepare": "bring database and static files up to date, and leave",
    "static": "bring the static files up to date, and leave",
}


class Command(BaseCommand):
    help = "Run the arena, or one of its parts: " + "; ".join(f"{part}: {does}" for part, does in PARTS.items())
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("part", nargs="?", default="all", choices=PARTS)
        parser.add_argument("--fd", type=int, help="web: serve on this inherited listening socket")
        parser.add_argument("--stop-with-parent", action="store_true", help="all: stop when the starting process does")

    def handle(self, *, part: str, fd: int | None, stop_with_parent: bool, **options: object) -> None:
        match part:
            case "web":
                processes.run_web(fd)
            case "worker":
                processes.run_worker()
            case "beat":
                processes.run_beat()
            case "restart":
                self.restart()
            case "prepare":
                preparation.prepare()
            case "static":
                preparation.collect_static()
            case _:
                Supervisor(stops_with_parent=stop_with_parent).run()

    def restart(self) -> None:
        pid = preparation.owner_of_var()
        preparation.prepare()
        os.kill(pid, RENEW_SIGNAL)
        self.stdout.write(f"The arena (process {pid}) starts its parts anew; where it runs it says when they work.")
