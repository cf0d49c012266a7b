"""The same is masked however the text comes in, and only what may be a name has to wait."""

import random

import pytest

from arena.contestants.identity.detection import AFTER
from arena.contestants.identity.lexicon import Lexicon, lexicon_of
from arena.contestants.identity.screen import MASK, Screen, masked, screened, unmasked_length
from tests.identity.samples import samples


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return lexicon_of()


def pieces_of(text: str, chance: random.Random) -> list[str]:
    cuts = sorted(chance.sample(range(1, len(text)), min(len(text) - 1, chance.randint(1, 12))))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def test_text_cut_anywhere_is_masked_alike(lexicon: Lexicon) -> None:
    chance = random.Random(5)
    for text in [*samples("identifying"), *samples("innocent")]:
        screen = Screen(lexicon)
        parts = [screen.feed(piece) for piece in pieces_of(text, chance)]
        assert "".join([*parts, screen.flush()]) == screened(text, lexicon).shown(text), text


def test_text_that_comes_letter_by_letter_is_masked_alike(lexicon: Lexicon) -> None:
    for text in samples("identifying")[::4]:
        screen = Screen(lexicon)
        parts = [screen.feed(letter) for letter in text]
        assert "".join([*parts, screen.flush()]) == screened(text, lexicon).shown(text), text


def test_a_name_spelt_out_is_masked_wherever_the_text_is_cut(lexicon: Lexicon) -> None:
    text = "I am Q w e n. The answer is four."
    for cut in range(1, len(text)):
        screen = Screen(lexicon)
        parts = [screen.feed(text[:cut]), screen.feed(text[cut:]), screen.flush()]
        assert "".join(parts) == f"I am {MASK}. The answer is four.", cut


def test_nothing_is_lost_where_what_has_passed_may_begin_a_name_after_all(lexicon: Lexicon) -> None:
    text = "C l a u d e\t𝐂𝐥𝐚𝐮𝐝𝐞, and more of that."
    screen = Screen(lexicon)
    parts = [screen.feed(letter) for letter in text]
    assert "".join([*parts, screen.flush()]) == screen.shown(text)
    assert screen.passed == len(text)


@pytest.mark.parametrize("spelt", ["Q w Q", "C l a u d e", "G.P.T-4"])
@pytest.mark.parametrize("after", [" and I add.", " made by hand."])
def test_a_name_spelt_out_letter_by_letter_is_masked(spelt: str, after: str, lexicon: Lexicon) -> None:
    screen = Screen(lexicon)
    parts = [screen.feed(letter) for letter in f"I am {spelt}{after}"]
    assert "".join([*parts, screen.flush()]) == f"I am {MASK}{after}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("DeepSeek-R1-Distill-Qwen-7B", f"{MASK}-{MASK}"),
        ("Qwen/QwQ-32B", f"{MASK}/{MASK}"),
        ("Mixtral 8x7B", MASK),
        ("mixtral:8x22b", MASK),
    ],
)
def test_a_name_of_several_parts_is_masked_to_its_end(name: str, shown: str, lexicon: Lexicon) -> None:
    text = f"I am {name}. The answer is four."
    assert screened(text, lexicon).shown(text) == f"I am {shown}. The answer is four."


def test_no_letter_of_a_name_is_shown_before_it_is_known(lexicon: Lexicon) -> None:
    screen = Screen(lexicon)
    shown = [screen.feed(piece) for piece in ("I am ", "Q", "w", "en", ", and I add.")]
    assert "".join(shown) == "I am "
    assert screen.flush() == f"{MASK}, and I add."


@pytest.mark.parametrize("first", ["Okay", "The", "Let", "We need", "Hmm", "好", "Pour", "First,", "<", "1", "**"])
def test_the_first_words_need_not_wait(first: str, lexicon: Lexicon) -> None:
    assert Screen(lexicon).feed(first) == first


def test_an_ordinary_word_waits_no_longer_than_it_may_be_a_name(lexicon: Lexicon) -> None:
    screen = Screen(lexicon)
    assert screen.feed("the cl") == "the "
    assert screen.feed("ock") == "clock"


def test_a_mention_waits_until_its_surroundings_are_known(lexicon: Lexicon) -> None:
    screen = Screen(lexicon)
    assert screen.feed("Ask Google ") == "Ask "
    later = "x" * AFTER
    assert screen.feed(later) == f"Google {later}"


def test_nothing_is_lost_or_doubled(lexicon: Lexicon) -> None:
    text = "".join(f"Google is {n}, o1 and o3 are {n}; I am not Claude Monet. " for n in range(200))
    screen = Screen(lexicon)
    parts = [screen.feed(text[at : at + 7]) for at in range(0, len(text), 7)]
    assert "".join([*parts, screen.flush()]) == text
    assert screen.passed == len(text)


def test_what_is_held_is_bounded(lexicon: Lexicon) -> None:
    screen = Screen(lexicon)
    given = shown = longest = 0
    for number in range(3000):
        piece = f"Google {number} c l "
        given += len(piece)
        shown += len(screen.feed(piece))
        longest = max(longest, given - shown)
    assert longest < 4 * AFTER


def test_the_length_of_a_masked_text_tells_that_of_the_true_one() -> None:
    text, spans = "I am ChatGPT, o1.", [(5, 12), (14, 16)]
    shown = masked(text, spans)
    assert shown == f"I am {MASK}, {MASK}."
    assert unmasked_length(len(shown), spans) == len(text)
    assert unmasked_length(4, spans) == 4
    for cut in range(6, 10):
        assert text[: unmasked_length(cut, spans)] == "I am ChatGPT"
    assert text[: unmasked_length(5, spans)] == "I am "
