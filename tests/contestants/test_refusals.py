"""What servers say when they refuse a part of a request, and the request that each gets next."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from arena.contestants.providers import anthropic, ollama, openai_chat, openai_responses
from arena.contestants.providers.call import Call
from arena.contestants.providers.failures import server_error
from arena.contestants.providers.http import Body


@dataclass(frozen=True)
class Refusal:
    """`error` is the answer's body, or its sentence alone. `becomes`: what is changed then; None: left out."""

    provider: str
    name: str
    status: int
    error: object
    becomes: dict[str, object] | None
    options: dict[str, object] = field(default_factory=dict)
    model: str = "some-model"


TABLE = Path(__file__).parent / "data" / "refusals.jsonl"
REFUSALS = [Refusal(**json.loads(line)) for line in TABLE.read_text().strip().split("\n")]
NAMES = [f"{refusal.provider}: {refusal.name}" for refusal in REFUSALS]
ADAPTED = {"chat": openai_chat, "responses": openai_responses, "anthropic": anthropic, "ollama": ollama}


def body_of(refusal: Refusal) -> Body:
    call = Call(
        base_url="http://host",
        model=refusal.model,
        messages=({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}),
        options=refusal.options,
    )
    return ADAPTED[refusal.provider].body(call)


@pytest.mark.parametrize("refusal", REFUSALS, ids=NAMES)
def test_refused_part_is_left_out_and_nothing_else(refusal: Refusal) -> None:
    body = body_of(refusal)
    adapted = ADAPTED[refusal.provider].adapted(body, server_error(refusal.status, refusal.error))
    if refusal.becomes is None:
        assert adapted is None
        return
    assert adapted is not None
    wanted = {**body, **refusal.becomes}
    assert adapted == {name: value for name, value in wanted.items() if value is not None}


@pytest.mark.parametrize("refusal", REFUSALS, ids=NAMES)
def test_same_refusal_of_what_was_asked_without_it_ends_the_tries(refusal: Refusal) -> None:
    body = body_of(refusal)
    error = server_error(refusal.status, refusal.error)
    for _ in range(4):
        adapted = ADAPTED[refusal.provider].adapted(body, error)
        if adapted is None or adapted == body:
            return
        body = adapted
    pytest.fail("it never gives up")


def test_limit_of_a_thinking_claude_is_above_its_budget() -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 8000}}
    assert body_of(Refusal("anthropic", "", 0, "", None, thinking))["max_tokens"] == 8000 + anthropic.DEFAULT_MAX_TOKENS
    limited = Refusal("anthropic", "", 0, "", None, {**thinking, "max_tokens": 9000})
    assert body_of(limited)["max_tokens"] == 9000
