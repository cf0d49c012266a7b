"""What OpenAI's reasoning models do not take, by their names. Rules of `openai_chat` and `openai_responses`.

https://platform.openai.com/docs/guides/reasoning and the errors that the models answer with.
"""

import re

from arena.contestants.providers.call import Message

_REASONER = re.compile(r"(?:^|/)(?:o[1-9]\d*|gpt-5[\d.]*)(?:-|$)")
_FIRST_REASONER = re.compile(r"(?:^|/)o1-(?:mini|preview)(?:-|$)")

# Refused with a 400 by every reasoning model.
SAMPLING = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"}
)


def is_reasoner(model: str) -> bool:
    return bool(_REASONER.search(model))


def is_first_reasoner(model: str) -> bool:
    """o1-preview and o1-mini: no system or developer message, and no reasoning effort."""
    return bool(_FIRST_REASONER.search(model))


def fold_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The system text at the head of the first user message, for models that refuse its role."""
    system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    others = [message for message in messages if message["role"] != "system"]
    if not system or not others:
        return messages
    first, *rest = others
    folded: Message = {"role": first["role"], "content": f"{system}\n\n{first['content']}"}
    return (folded, *rest)
