"""Every recorded stream gives exactly the known reasoning and answer, however it is cut."""

import re

import pytest

from arena.contestants.deltas import FinishReason
from arena.contestants.errors import Garbage, Truncated
from tests.contestants.recordings import Recording, recordings, told

ALL = {recording.name.removesuffix(".sse"): recording for recording in recordings()}
KNOWN = {name: recording for name, recording in ALL.items() if "answer_text" in recording.expected}
SIZES = (0, 1, 7)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("recording", KNOWN.values(), ids=KNOWN)
def test_recording_gives_the_known_texts(recording: Recording, size: int) -> None:
    story = told(recording.parser(), recording.data, size)
    assert story.error is None
    assert story.finish
    assert story.finish.reasoning == recording.expected["thinking_text"].strip()
    assert story.finish.answer == recording.expected["answer_text"].strip()
    assert story.finish.reason == FinishReason.STOP
    assert story.finish.is_split_inferred == (recording.script == "preview")
    if not story.finish.is_split_inferred:
        assert (story.reasoning, story.answer) == (story.finish.reasoning, story.finish.answer)


@pytest.mark.parametrize("size", SIZES)
def test_relabel_comes_only_where_nobody_opened(size: int) -> None:
    relabels = {name: told(recording.parser(), recording.data, size).relabels for name, recording in ALL.items()}
    assert [name for name, count in relabels.items() if count] == (["llama-server-raw-noopen"] if size else [])


@pytest.mark.parametrize("size", SIZES)
def test_reasoning_streams_from_the_first_token_where_it_is_known_to_open(size: int) -> None:
    recording = ALL["llama-server-raw-noopen"]
    story = told(recording.parser(opens_with_reasoning=True), recording.data, size)
    assert story.relabels == 0
    assert story.reasoning == recording.expected["thinking_text"].strip()
    assert story.answer == recording.expected["answer_text"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "name", ["llama-server-reasoning-think", "llama-server-anthropic-think", "llama-server-raw-think"]
)
def test_flag_does_no_harm_where_the_server_separates(name: str, size: int) -> None:
    recording = ALL[name]
    story = told(recording.parser(opens_with_reasoning=True), recording.data, size)
    assert story.answer == recording.expected["answer_text"]


@pytest.mark.parametrize("size", SIZES)
def test_length_is_the_finish_of_a_loop(size: int) -> None:
    recording = ALL["llama-server-raw-loop-length"]
    story = told(recording.parser(), recording.data, size)
    assert story.finish
    assert story.finish.reason == FinishReason.LENGTH
    assert story.finish.raw.startswith(recording.expected["starts_with"])
    assert story.finish.reasoning.startswith("Wait, maybe I should reconsider.")
    assert story.finish.answer == ""


def test_empty_200_is_a_named_failure() -> None:
    story = told(ALL["llama-cpp-python-empty200"].parser(), b"")
    assert isinstance(story.error, Garbage)
    assert "empty" in str(story.error)


def test_raw_text_keeps_the_tags() -> None:
    story = told(ALL["llama-server-raw-think"].parser(), ALL["llama-server-raw-think"].data)
    assert story.finish
    assert story.finish.raw.startswith("<think>\nOkay")


@pytest.mark.parametrize(
    "name", ["llama-server-raw-think", "llama-server-anthropic-think", "transformers-serve-responses-think"]
)
def test_token_counts_are_read(name: str) -> None:
    story = told(ALL[name].parser(), ALL[name].data)
    assert story.usage
    assert story.usage.input_tokens == 25
    assert story.usage.output_tokens == 82


@pytest.mark.parametrize("recording", KNOWN.values(), ids=KNOWN)
def test_cut_anywhere_before_the_end_it_is_truncated_and_its_text_kept(recording: Recording) -> None:
    data = recording.data
    whole = told(recording.parser(), data)
    for part in range(1, 10):
        story = told(recording.parser(), data[: len(data) * part // 20])
        assert isinstance(story.error, Truncated)
        kept = re.sub(r"</?\w*$", "", story.reasoning + story.answer)  # a tag cut in two is text
        assert (whole.reasoning + whole.answer).startswith(kept.rstrip())
