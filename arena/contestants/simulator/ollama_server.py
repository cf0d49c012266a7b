"""The calls of Ollama's API: chat, and what clients ask about models."""

from collections.abc import Mapping, Sequence

from arena.contestants.simulator import faults, requests
from arena.contestants.simulator.connection import Answer, Request, streamed, whole
from arena.contestants.simulator.directions import Placement, WrongDirections, directed
from arena.contestants.simulator.generation import count_tokens, generate
from arena.contestants.simulator.lineup import Lineup, SimulatedModel, UnknownModel
from arena.contestants.simulator.wire import ollama as wire

VERSION = "0.13.0"


class OllamaServer:
    """Answers under `/api/`."""

    def __init__(self, lineup: Lineup) -> None:
        self._lineup = lineup
        self._used: dict[str, None] = {}
        self.routes = {
            ("POST", "/api/chat"): self.chat,
            ("GET", "/api/tags"): self.tags,
            ("POST", "/api/show"): self.show,
            ("GET", "/api/ps"): self.ps,
            ("GET", "/api/version"): self.version,
            ("POST", "/api/pull"): self.pull,
        }

    def refused(self, status: int, message: str) -> Answer:
        return whole(status, wire.error(message), "application/json; charset=utf-8")

    def chat(self, request: Request) -> Answer:
        body = requests.json_object(request.body)
        model = requests.text(body, "model")
        found, wishes = self._find(model)
        messages = requests.messages(body)
        options = requests.mapping(body, "options")
        directions = directed(found.defaults, wishes, options, requests.mapping(options, "simulator"))
        think = body.get("think")
        if think and not _can_think(directions.reasoning):
            return self.refused(400, f'"{model}" does not support thinking')
        self._used[model] = None
        if not messages:
            return whole(200, wire.loaded(model))
        is_streamed = body.get("stream") is not False
        instead = faults.instead(
            directions.fault,
            is_streamed=is_streamed,
            refused=lambda refusal: whole(refusal.status, wire.error(refusal.message)),
            content_type=wire.CONTENT_TYPE,
        )
        if instead:
            return instead
        generation = generate(
            found.write(messages, directions),
            directions,
            prompt_tokens=count_tokens(messages),
            token_limit=_limit(options),
            think=think is not False or not _can_think(directions.reasoning),
        )
        writer = wire.ChatWire(model)
        if is_streamed:
            return streamed(faults.in_stream(generation, writer), wire.CONTENT_TYPE)
        return faults.in_one_piece(generation, writer.whole(generation))

    def tags(self, request: Request) -> Answer:
        return whole(200, wire.tags(self._served(self._lineup.names())))

    def ps(self, request: Request) -> Answer:
        return whole(200, wire.ps(self._served(list(self._used))))

    def show(self, request: Request) -> Answer:
        model = _model_name(requests.json_object(request.body))
        self._find(model)
        [served] = self._served([model])
        return whole(200, wire.show(served))

    def version(self, request: Request) -> Answer:
        return whole(200, wire.encoded({"version": VERSION}))

    def pull(self, request: Request) -> Answer:
        """Nothing is fetched from anywhere; an unknown model is an error inside HTTP 200, as with the real one."""
        body = requests.json_object(request.body)
        model = _model_name(body)
        is_streamed = body.get("stream") is not False
        try:
            self._lineup.find(model)
        except UnknownModel:
            return whole(200, wire.line({"error": "pull model manifest: file does not exist"}), wire.CONTENT_TYPE)
        if is_streamed:
            return whole(200, wire.pulled(model), wire.CONTENT_TYPE)
        return whole(200, wire.encoded({"status": "success"}))

    def _find(self, model: str) -> tuple[SimulatedModel, dict[str, object]]:
        try:
            return self._lineup.find(model)
        except UnknownModel:
            raise requests.Refused(404, f"model '{model}' not found") from None

    def _served(self, names: Sequence[str]) -> list[wire.Served]:
        return [wire.Served(name, _can_think(self._lineup.directions(name).reasoning)) for name in names]


def _can_think(placement: Placement) -> bool:
    return placement in (Placement.SEPARATE, Placement.ALTERNATIVE)


def _model_name(body: Mapping[str, object]) -> str:
    """`/api/show` and `/api/pull` take "model", or "name" as older clients send."""
    return requests.text(body, "model" if "model" in body else "name")


def _limit(options: Mapping[str, object]) -> int | None:
    """`num_predict`; 0 and negative numbers mean no limit here."""
    limit = options.get("num_predict")
    if limit is None:
        return None
    if not isinstance(limit, int):
        raise WrongDirections('option "num_predict" must be of type integer')
    return limit if limit > 0 else None
