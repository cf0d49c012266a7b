import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.battles.event_log import LogState, cursor_of, encode, join_deltas, joined, parse_position, position_of
from arena.battles.events import (
    Event,
    ResponseFailed,
    ResponseFinished,
    ResponseRelabelled,
    ResponseRestarted,
    ResponseSnapshot,
    ResponseStarted,
    ResponseWaiting,
    TextDelta,
    Wire,
)

slots = st.sampled_from("AB")
events = st.lists(
    st.one_of(
        st.builds(TextDelta, slots, st.just(0), st.sampled_from(["r", "a"]), st.text(max_size=3)),
        st.builds(ResponseRelabelled, slots, st.just(0)),
        st.builds(ResponseRestarted, slots, st.just(0)),
        st.builds(ResponseStarted, slots, st.just(0)),
        st.builds(ResponseWaiting, slots, st.just(0), st.sampled_from(["loading", "queued", ""])),
        st.builds(ResponseFinished, slots, st.just(0)),
        st.builds(ResponseFailed, slots, st.just(0), st.just("busy"), st.just("Busy.")),
        st.builds(ResponseSnapshot, slots, st.just(0), st.text(max_size=3), st.text(max_size=3), st.just("streaming")),
    ),
    max_size=20,
)


Texts = dict[tuple[int, str], tuple[str, str, str, str]]


def texts_in(state: LogState) -> Texts:
    return {key: (text.status, text.why, text.reasoning, text.answer) for key, text in state.responses.items()}


def texts(wires: list[Wire]) -> Texts:
    state = LogState()
    state.apply(wires)
    return texts_in(state)


@given(events)
def test_joining_deltas_changes_no_text(stream: list[Event]) -> None:
    wires = [event.wire() for event in stream]
    assert texts(join_deltas(event.wire() for event in stream)) == texts(wires)
    assert texts([event.wire() for event in joined(stream)]) == texts(wires)


@given(st.lists(events, max_size=5))
def test_reading_in_pieces_equals_reading_at_once(pieces: list[list[Event]]) -> None:
    state = LogState()
    for piece in pieces:
        state.apply(json.loads(encode(piece)))
    whole = texts([event.wire() for piece in pieces for event in piece])
    assert texts_in(state) == whole


def test_neighbouring_deltas_become_one() -> None:
    stream = [TextDelta("A", 0, "r", "x"), TextDelta("B", 0, "r", "y"), TextDelta("A", 0, "r", "z")]
    assert json.loads(encode(stream)) == [["A", 0, "r", "xz"], ["B", 0, "r", "y"]]


def test_relabelled_answer_becomes_reasoning() -> None:
    stream = [TextDelta("A", 0, "a", "Let me see."), ResponseRelabelled("A", 0), TextDelta("A", 0, "a", "4")]
    assert texts([event.wire() for event in stream]) == {(0, "A"): ("waiting", "", "Let me see.", "4")}


@pytest.mark.parametrize(
    "event",
    [
        TextDelta("A", 0, "r", "So"),
        ResponseStarted("A", 0),
        ResponseRestarted("A", 0),
        ResponseFinished("A", 0),
        ResponseFailed("A", 0, "busy", "Busy."),
        ResponseSnapshot("A", 0, "", "", "streaming"),
        ResponseWaiting("A", 0, ""),
    ],
)
def test_reason_for_silence_is_kept_until_the_next_event_of_its_response(event: Event) -> None:
    state = LogState()
    state.apply([ResponseStarted("A", 0).wire(), ResponseWaiting("A", 0, "loading").wire()])
    state.apply([TextDelta("B", 0, "r", "So").wire()])
    assert state.responses[0, "A"].why == "loading"
    state.apply([event.wire()])
    assert state.responses[0, "A"].why == ""


@given(st.integers(0, 2**48), st.integers(0, 2**20))
def test_cursor_leads_back_to_its_position(milliseconds: int, number: int) -> None:
    assert position_of(cursor_of((milliseconds, number))) == (milliseconds, number)


def test_foreign_cursor_is_no_position() -> None:
    assert position_of("not a cursor!") is None


def test_positions_compare_as_the_log_orders_them() -> None:
    assert parse_position(b"1700000000000-10") > parse_position(b"1700000000000-9")
