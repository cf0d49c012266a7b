"""Streams in the shape of many servers give exactly the known reasoning, answer, finish and counts, however cut."""

import pytest

from tests.contestants.recordings import told
from tests.contestants.streams import FOLDER, Stream, streams

ALL = {stream.name: stream for stream in streams()}
SIZES = (0, 1, 7)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stream", ALL.values(), ids=ALL)
def test_stream_gives_what_its_vendors_client_would_show(stream: Stream, size: int) -> None:
    story = told(stream.parser(), stream.data, size)
    assert (story.reasoning, story.answer) == (stream.reasoning, stream.answer)
    assert type(story.error).__name__ == (stream.error or "NoneType")
    if story.finish:
        assert (story.finish.reasoning, story.finish.answer) == (stream.reasoning, stream.answer)
        assert story.finish.reason == stream.finish
    usage = story.usage
    counts = (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) if usage else (None, None, None)
    # Nought reasoning tokens may be told or left out.
    assert (*counts[:2], counts[2] or None) == (
        stream.input_tokens,
        stream.output_tokens,
        stream.reasoning_tokens or None,
    )


def test_every_stream_is_in_the_table() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {stream.file for stream in ALL.values()} | {"expected.toml"}
