"""Questions that ask for an identity are told from all others."""

import pytest

from arena.contestants.identity.questions import asks_for_identity
from tests.identity.samples import samples


@pytest.mark.parametrize("prompt", samples("questions"))
def test_a_question_for_the_identity_is_recognised(prompt: str) -> None:
    assert asks_for_identity(prompt)


@pytest.mark.parametrize("prompt", samples("other_prompts"))
def test_any_other_question_is_not(prompt: str) -> None:
    assert not asks_for_identity(prompt)
