import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from arena.battles.streaming import Transcript
from arena.contestants.providers.openai_chat import ChatStream
from arena.growing_text import PIECES_MAX, GrowingText

TOKENS = 20_000


@given(st.lists(st.text(max_size=3), max_size=20), st.integers(1, 200))
def test_text_is_all_that_was_appended(pieces: list[str], times: int) -> None:
    grown = GrowingText()
    for piece in pieces * times:
        grown.append(piece)
    assert str(grown) == "".join(pieces * times)
    assert bool(grown) == bool(pieces)
    assert grown.last_char == (pieces[-1][-1:] if pieces else "")


def test_it_may_begin_with_a_text() -> None:
    grown = GrowingText("so ")
    grown.append("on")
    assert str(grown) == "so on"
    assert not GrowingText("")


def test_last_character_is_known_where_pieces_have_just_been_joined() -> None:
    grown = GrowingText()
    for number in range(PIECES_MAX):
        grown.append(str(number % 10))
    assert grown.last_char == str((PIECES_MAX - 1) % 10)


def test_long_response_takes_the_worker_little_more_than_its_characters() -> None:
    """Three times: what the server sent, what was made of it, and what browsers were told."""
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":" and"}}]}\n\n'
    parser, transcript = ChatStream(), Transcript("A", 0, max_chars=10**9)
    tracemalloc.start()
    try:
        for _ in range(TOKENS):
            for delta in parser.feed(chunk):
                transcript.apply(delta)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert transcript.chars == TOKENS * 4 - 1
    assert taken < 5 * transcript.chars
