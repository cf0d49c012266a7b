"""The rules that tell reasoning from answer, each by an example, and under every cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.contestants.deltas import Delta, FinishReason
from arena.contestants.providers.reasoning_tags import MAX_TEXT_CHARS, Separator
from tests.contestants.recordings import Told


def separated(texts: list[str], *, opens: bool = False) -> Told:
    separator = Separator(opens_with_reasoning=opens)
    deltas: list[Delta] = []
    for text in texts:
        separator.content(text)
        deltas += separator.take()
    deltas += [*separator.flush(), separator.finish(FinishReason.STOP)]
    story = Told()
    for delta in deltas:
        story.apply(delta)
    return story


def parts(text: str, *, opens: bool = False) -> tuple[str, str]:
    finish = separated([text], opens=opens).finish
    assert finish
    assert finish.raw == text
    return finish.reasoning, finish.answer


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("Plain.", "", "Plain."),
        (" \n<think>\nHm.\n</think>\n\nYes.", "Hm.", "Yes."),
        ("Hm.</think>Yes.", "Hm.", "Yes."),
        ("</think>Yes.", "", "Yes."),
        ("<think></think>Yes.", "", "Yes."),
        ("<think>Never ends", "Never ends", ""),
        ("<think>Never ends</thi", "Never ends</thi", ""),
        ("<think>a</think>b <think>c</think> d", "a", "b <think>c</think> d"),
        ("<think>a <think> b</think>c", "a <think> b", "c"),
        ("Write <think>so</think>.", "", "Write <think>so</think>."),
        ("It ends with `</think>` always.", "", "It ends with `</think>` always."),
        ("a < b and b <th c", "", "a < b and b <th c"),
        ("<thin", "", "<thin"),
        ("<thinking>x", "", "<thinking>x"),
        ("<Thought>Hm.</Thought>\n<Output>\nYes.\n</Output>\n", "Hm.", "Yes."),
        ("<Thought>Hm.</Thought>\nYes.", "Hm.", "Yes."),
        ("<Thought>Hm.</Thought><Output>Use </Output> here", "Hm.", "Use </Output> here"),
        ("<Thought>Hm.</Thought><Output>Cut</Outp", "Hm.", "Cut</Outp"),
        ("<Thought>Hm.</Thought><Outp", "Hm.", "<Outp"),
        ("Steps.\n\n**Final Answer**\n\n55", "Steps.", "**Final Answer**\n\n55"),
        ("**Final Answer**\n\n55", "", "**Final Answer**\n\n55"),
        ("Steps.\n\n**Final Answer**", "", "Steps.\n\n**Final Answer**"),
        ("a **Final Answer** b", "", "a **Final Answer** b"),
        ("<think>a</think>b\n**Final Answer**\nc", "a", "b\n**Final Answer**\nc"),
        ("", "", ""),
        (" \n\t", "", ""),
    ],
)
def test_each_rule(text: str, reasoning: str, answer: str) -> None:
    assert parts(text) == (reasoning, answer)


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("Hm.</think>Yes.", "Hm.", "Yes."),
        ("<think>Hm.</think>Yes.", "Hm.", "Yes."),
        ("Never ends", "Never ends", ""),
        ("Hm.</Thought><Output>Yes.</Output>", "Hm.", "Yes."),
        ("Steps.\n\n**Final Answer**\n\n55", "Steps.", "**Final Answer**\n\n55"),
        ("<thi", "<thi", ""),
    ],
)
def test_contestant_that_opens_with_reasoning(text: str, reasoning: str, answer: str) -> None:
    assert parts(text, opens=True) == (reasoning, answer)


def test_text_in_the_reasoning_field_makes_tags_text() -> None:
    separator = Separator(opens_with_reasoning=True)
    separator.reasoning("Hm.")
    separator.content("<think>x</think>")
    separator.flush()
    finish = separator.finish(FinishReason.STOP)
    assert (finish.reasoning, finish.answer) == ("Hm.", "<think>x</think>")


TAGS = ["<think>", "</think>", "<Thought>", "</Thought>", "<Output>", "</Output>"]
PIECES = st.sampled_from([*TAGS, "`", "<", "</", " ", "\n", "a", "**Final Answer**"])
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=15).map("".join)


@given(TEXTS, st.lists(st.integers(0, 60), max_size=8), st.booleans())
def test_cuts_change_nothing(text: str, cuts: list[int], opens: bool) -> None:
    edges = [0, *sorted(cuts), len(text)]
    story = separated([text[start:end] for start, end in zip(edges, edges[1:], strict=False)], opens=opens)
    whole = separated([text], opens=opens)
    assert story.finish
    assert whole.finish
    assert (story.finish.reasoning, story.finish.answer) == (whole.finish.reasoning, whole.finish.answer)
    if not story.finish.is_split_inferred:
        assert (story.reasoning, story.answer) == (story.finish.reasoning, story.finish.answer)


def test_endless_white_space_is_bounded_and_quick() -> None:
    separator = Separator()
    for _ in range(200_000):
        separator.content(" ")
        assert separator.take() == []
    assert MAX_TEXT_CHARS > 200_000
