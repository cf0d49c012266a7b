"""Which provider speaks which protocol. To add one: a module beside this one, a line here, a choice in `Provider`."""

from collections.abc import AsyncGenerator, Callable

import httpx

from arena.contestants.deltas import Delta
from arena.contestants.models import Provider
from arena.contestants.providers import anthropic, ollama_waiting, openai_chat, openai_responses
from arena.contestants.providers.call import Call

Stream = Callable[[httpx.AsyncClient, Call], AsyncGenerator[Delta, None]]

_STREAMS: dict[str, Stream] = {
    Provider.OLLAMA: ollama_waiting.stream,
    Provider.OPENAI: openai_chat.stream,
    Provider.OPENAI_RESPONSES: openai_responses.stream,
    Provider.ANTHROPIC: anthropic.stream,
}


def provider_for(contestant_provider: str) -> Stream:
    """The function that asks a contestant of this provider. KeyError for a word that is none."""
    return _STREAMS[contestant_provider]
