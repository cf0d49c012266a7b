from arena.battles.steps import split_steps


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in split_steps(text)]


def test_paragraphs_are_steps() -> None:
    assert pieces("One.\n\nTwo,\nstill two.\n \n\n  Three. \n") == ["One.", "Two,\nstill two.", "Three."]


def test_nothing_has_no_steps() -> None:
    assert pieces(" \n\n ") == []


def test_display_formula_with_a_blank_line_is_one_step() -> None:
    assert pieces("So\n\n$$\na\n\n= b\n$$\n\nDone.") == ["So", "$$\na\n\n= b\n$$", "Done."]


def test_unclosed_fence_reaches_to_the_end() -> None:
    assert pieces("Code:\n\n```\na\n\nb") == ["Code:", "```\na\n\nb"]
