"""Whatever a server sends: deltas of clean text, then a Finish or a ProviderError, and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.contestants.errors import TooLarge
from arena.contestants.providers import lines
from arena.contestants.providers.ollama import ChatLines
from arena.contestants.providers.openai_chat import ChatStream
from arena.contestants.providers.parsing import Parser
from tests.contestants.recordings import PARSERS, recordings, told

OLLAMA = "".join(
    json.dumps({"message": {"role": "assistant", "content": text}, "done": text == "end"}) + "\n"
    for text in ("<think>", "Hm. \ud83d", "\ude00</thi", "nk>", "Yes.", "end")
).encode()
SEEDS = [("ollama", OLLAMA), *((recording.protocol, recording.data[:4000]) for recording in recordings())]
MADE = {**PARSERS, "ollama": ChatLines}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["choices", "delta", "content", "reasoning", "message", "thinking", "error", "usage", "type", "finish_reason"]
KEYS += ["done", "response", "output", "text"]
NEAR_JSON = st.dictionaries(st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from(KEYS), JSON), max_size=4)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    protocol, data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 40))
        data = data[:start] + draw(st.binary(max_size=12)) + data[end:]
    return protocol, data


@given(mutated(), st.sampled_from([0, 1, 7, 100]))
def test_mutated_stream_ends_in_a_finish_or_a_provider_error(case: tuple[str, bytes], size: int) -> None:
    protocol, data = case
    told(MADE[protocol](), data, size)  # asserts it


@given(st.sampled_from(sorted(MADE)), st.lists(NEAR_JSON, min_size=1, max_size=5), st.booleans())
def test_json_of_any_shape_ends_so_too(protocol: str, chunks: list[dict[str, object]], opens: bool) -> None:
    mark = "" if protocol == "ollama" else "data: "
    end = "\n" if protocol == "ollama" else "\n\n"
    data = "".join(f"{mark}{json.dumps(chunk)}{end}" for chunk in chunks).encode()
    told(MADE[protocol](opens_with_reasoning=opens), data)


@given(st.binary(max_size=300), st.sampled_from(sorted(MADE)))
def test_noise_is_a_provider_error(data: bytes, protocol: str) -> None:
    story = told(MADE[protocol](), data)
    assert story.error is not None


@pytest.mark.parametrize("make", [ChatLines, ChatStream])
def test_line_that_never_ends_is_too_large(make: type[Parser], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    story = told(make(), b"data: " + b"x" * 2000, 100)
    assert isinstance(story.error, TooLarge)
