"""Who says who they are is found, and who merely mentions a name is not."""

import pytest

from arena.contestants.identity.lexicon import Lexicon, lexicon_of
from arena.contestants.identity.screen import MASK, screened
from tests.identity.samples import samples

ZEBRA = {"name": "Zebra 7", "slug": "zebra-7", "model": "acme/zebra-7:latest", "vendor": "Acme Labs", "family": "Zebra"}
CHATTY = {"name": "Chatty", "slug": "sim-chatty", "model": "sim-chatty", "vendor": "", "family": ""}


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return lexicon_of()


def names_itself(text: str, lexicon: Lexicon) -> bool:
    return bool(screened(text, lexicon).spans)


def shown(text: str, lexicon: Lexicon) -> str:
    return screened(text, lexicon).shown(text)


def test_texts_that_name_their_writer_are_found(lexicon: Lexicon) -> None:
    assert [text for text in samples("identifying") if not names_itself(text, lexicon)] == []


def test_texts_that_only_mention_names_are_left_alone(lexicon: Lexicon) -> None:
    assert [masked for text in samples("innocent") if (masked := shown(text, lexicon)) != text] == []


def test_amid_a_long_reasoning_it_is_found_as_well(lexicon: Lexicon) -> None:
    before = "Let us add the first hundred numbers, one after the other, and look at the pairs. " * 4
    after = " So the sum is 5050, as Gauss knew." * 4
    missed = [text for text in samples("identifying") if not names_itself(f"{before}\n\n{text}\n\n{after}", lexicon)]
    assert missed == []


def test_the_name_is_masked_and_nothing_else(lexicon: Lexicon) -> None:
    assert shown("Well, I am Claude 3.5 Sonnet. 2 + 2 = 4.", lexicon) == f"Well, I am {MASK}. 2 + 2 = 4."


def test_maker_and_model_are_masked_together(lexicon: Lexicon) -> None:
    assert shown("I am Qwen, created by Alibaba Cloud.", lexicon) == f"I am {MASK}, created by {MASK}."


def test_once_it_is_known_the_name_is_masked_wherever_it_stands(lexicon: Lexicon) -> None:
    text = "I am Qwen. Qwen is good at sums; Google is a company."
    assert shown(text, lexicon) == f"I am {MASK}. {MASK} is good at sums; Google is a company."


def test_a_mask_does_not_tell_how_long_the_name_is(lexicon: Lexicon) -> None:
    assert {shown(f"I am {name}.", lexicon) for name in ("QwQ", "ChatGPT", "DeepSeek-R1-Distill")} == {f"I am {MASK}."}


@pytest.mark.parametrize(
    "text",
    [
        "I am Zebra.",
        "I'm Zebra 7, a careful model.",
        "My name is zebra-7.",
        "I was trained by Acme Labs.",
        "As Zebra 7, I count twice.",
        "Je suis Zebra 7.",
        "我是Zebra 7。",
    ],
)
def test_the_names_of_the_catalogue_are_looked_for(text: str) -> None:
    assert names_itself(text, lexicon_of([ZEBRA]))
    assert not names_itself(text, lexicon_of([CHATTY]))


@pytest.mark.parametrize(
    "text", ["The zebra has stripes.", "Acme Labs sells anvils.", "I am a zebra.", "I saw Zebra 7."]
)
def test_the_names_of_the_catalogue_may_be_mentioned(text: str) -> None:
    assert not names_itself(text, lexicon_of([ZEBRA]))


def test_a_name_that_is_an_ordinary_word_needs_its_capital() -> None:
    lexicon = lexicon_of([CHATTY])
    assert names_itself("Hello, I am Chatty.", lexicon)
    assert not names_itself("Sorry, I am chatty. Let me be brief.", lexicon)


def test_entries_without_words_are_looked_for_nowhere() -> None:
    lexicon = lexicon_of([{"name": "7", "slug": "7", "model": "7", "vendor": "", "family": ""}])
    assert not names_itself("I am 7. I am the seventh.", lexicon)
