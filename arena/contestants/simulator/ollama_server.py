"""The calls of Ollama's API: chat, what clients ask about models, and fetching them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from arena.contestants.simulator import pulling, requests
from arena.contestants.simulator.connection import Answer, Headers, Request, chunked, whole, whole_later
from arena.contestants.simulator.directions import Directions, WrongDirections, directed
from arena.contestants.simulator.generation import Wire
from arena.contestants.simulator.lineup import UnknownModel
from arena.contestants.simulator.refusals import Feature, Vendor
from arena.contestants.simulator.requests import Refusal, wrong
from arena.contestants.simulator.scheduling import Place, keep_alive_s
from arena.contestants.simulator.serving import Ask, Serving, can_think, in_turn, name_in_memory
from arena.contestants.simulator.wire import ollama as wire

VERSION = "0.13.0"
JSON = "application/json; charset=utf-8"


class OllamaServer:
    """Answers under `/api/`."""

    vendor = Vendor.OLLAMA

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._lineup = serving.lineup
        self.routes = {
            ("POST", "/api/chat"): self.chat,
            ("GET", "/api/tags"): self.tags,
            ("POST", "/api/show"): self.show,
            ("GET", "/api/ps"): self.ps,
            ("GET", "/api/version"): self.version,
            ("POST", "/api/pull"): self.pull,
            ("DELETE", "/api/delete"): self.delete,
        }

    def refused(self, refusal: Refusal) -> Answer:
        return whole(refusal.status, wire.error(refusal.message), JSON, *refusal.headers)

    def headers(self) -> Headers:
        return ()

    def unsupported(self, feature: Feature, ask: Ask) -> Refusal:
        if feature == Feature.THINK:
            return Refusal(400, f'"{ask.model}" does not support thinking')
        return Refusal(400, f"'{ask.uses[feature]}' is not supported by this model")

    def writer(self, ask: Ask, directions: Directions, place: Place) -> Wire:
        return wire.ChatWire(ask.model, place)

    def chat(self, request: Request) -> Answer:
        body = requests.json_object(request.body)
        model = requests.text(body, "model")
        found, wishes = self._serving.found(model, self.vendor)
        messages = requests.messages(body)
        options = requests.mapping(body, "options")
        stays_s = _keep_alive(body)
        own = (options, requests.mapping(options, "simulator"))
        if not messages:
            return self._load(model, directed(found.defaults, wishes, *own), stays_s)
        think = body.get("think")
        ask = Ask(
            model,
            messages,
            is_streamed=body.get("stream") is not False,
            wishes=own,
            uses=_uses(body, options),
            key=requests.bearer(request.headers),
            token_limit=_limit(options),
            thinks=think is not False,
            keep_alive_s=stays_s,
        )
        return self._serving.answer(ask, self)

    def tags(self, request: Request) -> Answer:
        return whole(200, wire.tags(self._served(self._lineup.names())), JSON)

    def ps(self, request: Request) -> Answer:
        running = [line for line in self._serving.scheduler.running() if self._lineup.has(line.name)]
        served = self._served([line.name for line in running])
        return whole(200, wire.ps(list(zip(served, running, strict=True))), JSON)

    def show(self, request: Request) -> Answer:
        model = _model_name(requests.json_object(request.body))
        self._serving.found(model, self.vendor)
        [served] = self._served([model])
        return whole(200, wire.show(served), JSON)

    def version(self, request: Request) -> Answer:
        return whole(200, wire.encoded({"version": VERSION}), JSON)

    def pull(self, request: Request) -> Answer:
        """Nothing is fetched from anywhere; an unknown model is an error inside HTTP 200, as with the real one."""
        body = requests.json_object(request.body)
        model = _model_name(body)
        try:
            directions = self._lineup.directions_to_pull(model)
        except UnknownModel:
            steps = pulling.unknown()
        else:
            steps = pulling.steps(self._lineup, model, directions)
        if body.get("stream") is not False:
            return replace(Answer(chunked(steps, wire.CONTENT_TYPE)), model=model)
        return replace(Answer(pulling.in_one_piece(steps)), model=model)

    def delete(self, request: Request) -> Answer:
        """Only what was pulled can go, and be pulled again."""
        model = _model_name(requests.json_object(request.body))
        if not self._lineup.forget(model):
            raise wrong(f"model '{model}' not found", status=404)
        self._serving.scheduler.unload(name_in_memory(model))
        return whole(200, b"", JSON)

    def _load(self, model: str, directions: Directions, stays_s: float | None) -> Answer:
        if stays_s == 0:
            self._serving.scheduler.unload(name_in_memory(model))
            return whole(200, wire.loaded(model, "unload"), JSON)
        place = self._serving.place(model, directions, self.vendor, stays_s)
        frames = in_turn(place, whole_later(0.0, lambda: wire.loaded(model)))
        return Answer(frames, place=place, model=model)

    def _served(self, names: Sequence[str]) -> list[wire.Served]:
        directions = [self._lineup.directions(name) for name in names]
        return [
            wire.Served(name, can_think(wanted.reasoning), wanted.size)
            for name, wanted in zip(names, directions, strict=True)
        ]


def _keep_alive(body: Mapping[str, object]) -> float | None:
    try:
        return keep_alive_s(body.get("keep_alive"))
    except ValueError:
        raise wrong(f'time: invalid duration "{body.get("keep_alive")}"') from None


def _model_name(body: Mapping[str, object]) -> str:
    """`/api/show` and `/api/pull` take "model", or "name" as older clients send."""
    return requests.text(body, "model" if "model" in body else "name")


def _uses(body: Mapping[str, object], options: Mapping[str, object]) -> dict[Feature, str]:
    uses = {}
    if body.get("stream") is not False:
        uses[Feature.STREAM] = "stream"
    if body.get("think"):
        uses[Feature.THINK] = "think"
    if "num_predict" in options:
        uses[Feature.MAX_TOKENS] = "num_predict"
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if message.get("role") in ("system", "developer"):
            uses[Feature(message["role"])] = f"the role {message['role']}"
    return uses


def _limit(options: Mapping[str, object]) -> int | None:
    """`num_predict`; 0 and negative numbers mean no limit here."""
    limit = options.get("num_predict")
    if limit is None:
        return None
    if not isinstance(limit, int):
        raise WrongDirections('option "num_predict" must be of type integer')
    return limit if limit > 0 else None
