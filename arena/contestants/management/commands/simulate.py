"""`manage.py simulate`: the simulated model servers alone, for other arenas, for tests by hand and for load."""

import asyncio
import signal
from argparse import ArgumentParser

import uvloop
from django.core.management.base import BaseCommand, CommandError

from arena.contestants.simulator.directions import WrongDirections
from arena.contestants.simulator.lineup import UnknownModel
from arena.contestants.simulator.server import start_simulator


class Command(BaseCommand):
    help = (
        "Serve the simulated contestants over the protocols of Ollama, OpenAI (chat completions and Responses) and "
        "Anthropic, until Ctrl-C. docs/simulator.md says how to set speed, size and faults per request."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=11435, help="0 takes a free one (11435)")
        parser.add_argument(
            "--serve",
            action="append",
            default=[],
            metavar="NAME=MODEL",
            help="a further name, such as 'qwq:32b=load?think=0.5&reasoning=unopened'; may be repeated",
        )

        parser.add_argument(
            "--pullable",
            action="append",
            default=[],
            metavar="NAME=MODEL",
            help="the same for a model that is not there until Ollama's /api/pull has fetched it; may be repeated",
        )

    def handle(
        self, *args: object, host: str, port: int, serve: list[str], pullable: list[str], **options: object
    ) -> None:
        if not 0 <= port <= 65_535:  # uvloop would take the rest of the division
            raise CommandError(f"--port must be between 0 and 65535, not {port}.")
        aliases = dict(_alias("--serve", text) for text in serve)
        later = dict(_alias("--pullable", text) for text in pullable)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve(host, port, aliases, later))

    async def _serve(self, host: str, port: int, aliases: dict[str, str], pullable: dict[str, str]) -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        try:
            simulator = await start_simulator(host, port, aliases=aliases, pullable=pullable)
        except OSError as error:
            raise CommandError(f"cannot listen on {host}:{port}: {error}.") from error
        except (UnknownModel, WrongDirections) as error:
            raise CommandError(f"--serve or --pullable: {error}") from error
        self.stdout.write(_welcome(simulator.url))
        self.stdout.flush()
        await stopping.wait()
        await simulator.stop()


def _welcome(url: str) -> str:
    return (
        f"Simulated model servers at {url} (Ctrl-C stops). No key is needed. Point clients at it with\n"
        f"  OLLAMA_HOST={url}\n"
        f"  OPENAI_BASE_URL={url}/v1\n"
        f"  ANTHROPIC_BASE_URL={url}"
    )


def _alias(option: str, text: str) -> tuple[str, str]:
    name, found, model = text.partition("=")
    if not (name and found and model):
        raise CommandError(f"{option} needs NAME=MODEL, not {text!r}.")
    return name, model
