"""Streams in the shape of many servers, and what each must give: `data/streams/expected.toml` tells."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from arena.contestants.providers.ollama import ChatLines
from arena.contestants.providers.parsing import Parser
from tests.contestants.recordings import PARSERS

FOLDER = Path(__file__).parent / "data" / "streams"
ALL_PARSERS = {**PARSERS, "ollama": ChatLines}


@dataclass(frozen=True)
class Stream:
    """`error` is the name of a ProviderError; without one the stream is complete, with the reason `finish`."""

    file: str
    protocol: str
    shape_from: str
    reasoning: str
    answer: str
    finish: str = ""
    error: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def name(self) -> str:
        return self.file.partition(".")[0]

    @property
    def data(self) -> bytes:
        return (FOLDER / self.file).read_bytes()

    def parser(self) -> Parser:
        return ALL_PARSERS[self.protocol]()


def streams() -> list[Stream]:
    rows = tomllib.loads((FOLDER / "expected.toml").read_text())["stream"]
    return [Stream(**row) for row in rows]
