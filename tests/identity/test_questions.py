"""Questions that ask for an identity are told from all others."""

from arena.contestants.identity.questions import asks_for_identity
from tests.identity.samples import samples


def test_questions_for_the_identity_are_recognised() -> None:
    assert [prompt for prompt in samples("questions") if not asks_for_identity(prompt)] == []


def test_other_questions_are_not() -> None:
    assert [prompt for prompt in samples("other_prompts") if asks_for_identity(prompt)] == []
