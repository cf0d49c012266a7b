"""What is shown when, under a clock of the test's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from arena.battles.event_log import join_deltas
from arena.battles.events import (
    Event,
    ProgressMade,
    ResponseRelabelled,
    ResponseSnapshot,
    ResponseWaiting,
    TextDelta,
    Wire,
)
from arena.battles.pacing import (
    CHARS_PER_S_MAX,
    LISTEN_MAX_S,
    LISTEN_MIN_S,
    MARGIN,
    PACERS,
    PATIENCE_S,
    PIECE_MAX,
    TICK_S,
    EvenPacer,
    Lane,
    TogetherPacer,
)


@dataclass
class Stage:
    """Some lanes, a pacer, a clock, and all that was shown."""

    pacing: str
    slots: str = "AB"
    now: float = 0.0
    shown: list[Wire] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    _late: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lanes = {slot: Lane(slot, 0, clock=lambda: self.now) for slot in self.slots}
        self.pacer = PACERS[self.pacing](list(self.lanes.values()), clock=lambda: self.now)

    def write(self, slot: str, text: str, part: str = "r") -> None:
        self.lanes[slot].take(TextDelta(slot, 0, part, text))  # type: ignore[arg-type]

    def tick(self, seconds: float = TICK_S, **chars_per_s: float) -> list[Wire]:
        """Let time pass, in which slots write; what is shown meanwhile, apart from progress."""
        until = self.now + seconds
        news: list[Event] = []
        while self.now < until - TICK_S / 2:
            self.now += TICK_S
            for slot, speed in chars_per_s.items():
                self._late[slot] = self._late.get(slot, 0.0) + speed * TICK_S
                self.write(slot, "x" * int(self._late[slot]))
                self._late[slot] %= 1
            events, over = self.pacer.advance()
            news += events
            self.ended += [lane.slot for lane in over]
        wire = join_deltas(event.wire() for event in news if not isinstance(event, ProgressMade))
        self.shown += wire
        return wire

    def lengths(self, *, within: Sequence[Wire] | None = None) -> dict[str, int]:
        """Characters shown of each slot."""
        found = dict.fromkeys(self.slots, 0)
        for event in self.shown if within is None else within:
            if isinstance(event, list):
                found[str(event[0])] += len(str(event[3]))
        return found

    def until(self, is_so: Callable[[], bool], **chars_per_s: float) -> None:
        for _ in range(100_000):
            if is_so():
                return
            self.tick(**chars_per_s)
        raise AssertionError("waited in vain")


def test_nothing_is_shown_before_all_have_begun() -> None:
    stage = Stage("even", "ABC")
    assert stage.tick(60, A=100) == []
    stage.lanes["B"].end()  # without a word
    assert stage.tick(60, A=100) == []
    stage.until(lambda: bool(stage.shown), A=100, C=100)
    assert stage.now < 120 + LISTEN_MIN_S + 1
    assert stage.ended == ["B"]


def test_all_are_shown_the_same_number_of_characters_at_any_time() -> None:
    stage = Stage("even", "ABC")
    for _ in range(300):
        a, b, c = stage.lengths(within=stage.tick(A=400, B=25, C=90)).values()
        assert a == b == c
    assert stage.lengths()["A"] > 300


@pytest.mark.parametrize("speeds", [{"A": 40, "B": 160}, {"A": 160, "B": 40}])
def test_pace_is_a_little_less_than_that_of_the_slowest(speeds: dict[str, float]) -> None:
    stage = Stage("even")
    stage.tick(60, **speeds)
    shown = stage.lengths(within=stage.tick(10, **speeds))
    assert shown["A"] == shown["B"] == pytest.approx(MARGIN * 400, rel=0.2)


def test_pause_of_one_is_hidden_at_first_then_all_stand_still() -> None:
    stage = Stage("even")
    stage.tick(60, A=160, B=40)
    assert all(stage.lengths(within=stage.tick(0.5, A=160)).values())
    stage.tick(60, A=160)
    standing = stage.lengths()
    stage.tick(30, A=160)
    assert stage.lengths()["A"] == stage.lengths()["B"] <= standing["A"] + 1
    assert stage.lengths()["A"] == pytest.approx(stage.lanes["B"].chars, abs=2)


@pytest.mark.parametrize(("first", "speeds"), [("A", {"A": 160, "B": 40}), ("B", {"A": 160, "B": 40})])
def test_pace_after_the_first_end_is_the_same_whoever_goes_on(first: str, speeds: dict[str, float]) -> None:
    """The slow one, or the fast one that has long ended."""
    stage, other = Stage("even"), "AB".replace(first, "")
    stage.tick(20, **speeds)
    stage.lanes[first].end()
    rest = {other: speeds[other]}
    before = stage.lengths(within=stage.tick(5, **rest))[other]
    stage.until(lambda: stage.ended == [first], **rest)
    after = stage.lengths(within=stage.tick(20, **rest))[other]
    assert after / 4 == pytest.approx(before * 0.85, rel=0.12)


def test_fast_ones_are_shown_no_faster_than_that() -> None:
    stage = Stage("even")
    for slot in "AB":
        stage.write(slot, "x" * 10_000)
        stage.lanes[slot].end()
    assert stage.lengths(within=stage.tick(1))["A"] == pytest.approx(CHARS_PER_S_MAX, rel=0.15)


def test_rest_is_shown_within_bounds_however_slow_the_pace_was() -> None:
    stage = Stage("even")
    stage.write("A", "x" * 100_000)
    stage.lanes["A"].end()
    stage.tick(60, B=2)
    stage.lanes["B"].end()
    since = stage.now
    stage.until(lambda: len(stage.ended) == 2)
    assert stage.now - since < PATIENCE_S * 1.1


def test_few_words_that_came_slowly_are_no_pace() -> None:
    stage = Stage("even")
    stage.write("A", "4")
    stage.tick(1, B=100)
    stage.write("A", ".")
    stage.lanes["A"].end()
    stage.tick(LISTEN_MAX_S + 10, B=100)
    assert stage.lengths()["B"] > 100


def test_end_is_told_with_the_last_of_its_text() -> None:
    stage = Stage("even")
    stage.write("A", "x" * 50)
    stage.write("B", "y" * 200)
    for lane in stage.lanes.values():
        lane.end()
    assert stage.ended == []
    stage.until(lambda: bool(stage.ended))
    assert stage.ended == ["A"]
    assert (stage.lengths()["A"], stage.pacer.is_done) == (50, False)
    stage.until(lambda: stage.pacer.is_done)
    assert stage.ended == ["A", "B"]


def test_those_that_are_equally_long_end_in_one_moment() -> None:
    stage = Stage("even")
    stage.write("B", "y" * 200)
    stage.lanes["B"].end()
    stage.tick(20, A=10)
    stage.lanes["A"].end()
    stage.until(lambda: bool(stage.ended))
    assert stage.ended == ["A", "B"]


@pytest.mark.parametrize("pacing", PACERS)
def test_reasons_for_silence_are_not_told(pacing: str) -> None:
    stage = Stage(pacing)
    stage.lanes["A"].take(ResponseWaiting("A", 0, "loading"))
    stage.write("B", "x")
    for lane in stage.lanes.values():
        lane.end()
    assert [type(event) for event in stage.tick(10)] == [list]


def test_together_shows_all_at_once_in_the_order_of_the_slots() -> None:
    stage = Stage("together", "ABC")
    stage.write("C", "so ")
    stage.write("C", "three", part="a")
    stage.lanes["C"].end()
    stage.tick(500, B=3)
    stage.lanes["B"].end()
    stage.write("A", "so")
    assert stage.shown == []
    stage.lanes["A"].end()
    shown = stage.tick()
    assert [event[:3] for event in shown if isinstance(event, list)] == [
        ["A", 0, "r"],
        ["B", 0, "r"],
        ["C", 0, "r"],
        ["C", 0, "a"],
    ]
    assert stage.ended == ["A", "B", "C"]


def test_progress_tells_how_many_and_never_who() -> None:
    stage = Stage("together", "ABC")
    told = [event for event in stage.pacer.advance()[0] if isinstance(event, ProgressMade)]
    stage.write("B", "x")
    told += stage.pacer.advance()[0]  # type: ignore[arg-type]
    stage.write("B", "y")
    stage.lanes["C"].end()
    told += stage.pacer.advance()[0]  # type: ignore[arg-type]
    assert told == [ProgressMade(0, 3, 0, 0), ProgressMade(0, 2, 1, 0), ProgressMade(0, 1, 1, 1)]
    assert stage.pacer.restate() == [told[-1]]


def test_even_does_not_tell_that_some_have_ended() -> None:
    """As soon as one text is shown to its end, that would tell whether the other is still being written."""
    stage = Stage("even")
    stage.write("A", "x")
    stage.lanes["A"].end()
    assert stage.pacer.advance()[0] == [ProgressMade(0, 1, 1, 0)]


def test_answer_that_turns_out_to_be_reasoning_before_it_is_shown_was_never_an_answer() -> None:
    stage = Stage("even", "A")
    stage.write("A", "so ", part="a")
    stage.lanes["A"].take(ResponseRelabelled("A", 0))
    stage.write("A", "four", part="a")
    stage.lanes["A"].end()
    stage.tick(5)
    assert stage.shown == [["A", 0, "r", "so "], ["A", 0, "a", "four"]]


def test_answer_that_turns_out_to_be_reasoning_later_is_told_at_its_place() -> None:
    stage = Stage("even", "A")
    stage.tick(20)
    stage.write("A", "x" * 40, part="a")
    stage.until(lambda: stage.lengths()["A"] > 10)
    stage.lanes["A"].take(ResponseRelabelled("A", 0))
    stage.write("A", "4", part="a")
    stage.lanes["A"].end()
    stage.tick(20)
    kinds = [event[2] if isinstance(event, list) else event["type"] for event in stage.shown]
    assert kinds[-2:] == ["relabel", "a"]
    assert stage.lanes["A"].snapshot().reasoning == "x" * 40
    assert stage.lanes["A"].lengths_shown == (40, 1)


def test_final_text_goes_on_from_what_is_shown_where_it_can() -> None:
    lane = Lane("A", 0)
    lane.take(TextDelta("A", 0, "r", "so four "))
    assert lane.show(3) == [TextDelta("A", 0, "r", "so ")]
    lane.take(ResponseSnapshot("A", 0, "so four", "4", "streaming"))
    assert lane.rest() == [TextDelta("A", 0, "r", "four"), TextDelta("A", 0, "a", "4")]


def test_final_text_replaces_what_is_shown_where_it_cannot() -> None:
    lane = Lane("A", 0)
    lane.take(TextDelta("A", 0, "a", "so four"))
    lane.show(3)
    whole = ResponseSnapshot("A", 0, "so", "four", "streaming")
    lane.take(whole)
    assert lane.rest() == [TextDelta("A", 0, "a", "four"), whole]
    assert (lane.snapshot(), lane.lengths_shown) == (whole, (2, 4))


def test_large_and_small_pieces_are_shown_as_one_text() -> None:
    lane = Lane("A", 0)
    text = "".join(chr(0x4E00 + number % 5000) for number in range(3 * PIECE_MAX))
    for start in range(0, 2000, 3):
        lane.take(TextDelta("A", 0, "r", text[start : start + 3] if start + 3 <= 2000 else text[start:2000]))
    lane.take(TextDelta("A", 0, "r", text[2000:]))
    shown = [event for chars in range(7, 3 * PIECE_MAX + 7, 7) for event in lane.show(chars)]
    assert "".join(event.text for event in shown if isinstance(event, TextDelta)) == text
    assert lane.snapshot().reasoning == text


def test_stop_keeps_what_all_were_shown() -> None:
    stage = Stage("even")
    stage.write("B", "y" * 500)
    stage.lanes["B"].end()
    stage.tick(20, A=20)
    shown = stage.lengths()
    stage.pacer.stop()
    assert stage.tick(1) == []  # a stream is not closed yet
    stage.lanes["A"].end()
    stage.tick()
    assert stage.ended == ["A", "B"]
    assert [lane.is_cut for lane in stage.lanes.values()] == [True, True]
    assert stage.lengths() == shown
    assert 0 < shown["A"] == shown["B"]


def test_stop_of_a_battle_shown_together_shows_as_much_of_each() -> None:
    stage = Stage("together", "ABC")
    stage.write("A", "x" * 30)
    stage.write("B", "y" * 500)
    stage.write("C", "z" * 20)
    stage.lanes["B"].end()
    stage.lanes["C"].end()
    stage.pacer.stop()
    stage.write("A", "x" * 5)  # on its way when it was stopped
    stage.lanes["A"].end()
    stage.tick()
    assert stage.lengths() == {"A": 30, "B": 30, "C": 20}
    assert [lane.is_cut for lane in stage.lanes.values()] == [True, True, False]


def test_stop_that_comes_after_the_last_word_takes_nothing_away() -> None:
    stage = Stage("together", "AB")
    stage.write("A", "x" * 30)
    stage.write("B", "y" * 500)
    stage.lanes["A"].end()
    stage.lanes["B"].end()
    stage.pacer.stop()
    stage.tick()
    assert stage.lengths() == {"A": 30, "B": 500}
    assert [lane.is_cut for lane in stage.lanes.values()] == [False, False]


def test_stop_tells_that_an_answer_was_reasoning() -> None:
    lane = Lane("A", 0)
    lane.take(TextDelta("A", 0, "a", "so four"))
    lane.show(3)
    lane.take(ResponseRelabelled("A", 0))
    lane.take(TextDelta("A", 0, "a", "4"))
    assert lane.cut() == [ResponseRelabelled("A", 0)]
    assert (lane.lengths_shown, lane.is_cut) == ((3, 0), True)


def test_every_pacing_but_live_has_a_pacer() -> None:
    assert {"even": EvenPacer, "together": TogetherPacer} == PACERS
