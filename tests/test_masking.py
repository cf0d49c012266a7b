import base64
import logging
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.masking import (
    MASK,
    MaskedFormatter,
    StreamMask,
    forms_of,
    is_secret,
    masked,
    remember,
    remember_environment,
    remember_url,
    secrets_of_url,
)

KEY = "sk-test/Canary+7f3a9c=21"
remember(KEY)


@pytest.mark.parametrize(
    "said",
    [
        KEY,
        f"Bearer {KEY}",
        quote(KEY, safe=""),
        KEY.encode().hex(),
        *(base64.b64encode(before + KEY.encode() + b"!").decode() for before in (b"", b"a", b"ab", b"Bearer ")),
        base64.urlsafe_b64encode(KEY.encode()).decode(),
    ],
)
def test_secret_is_masked_in_every_form_that_servers_give_it(said: str) -> None:
    shown = masked(f"status 401: {said} is wrong")
    assert MASK in shown
    assert not any(form[:14] in shown for form in forms_of(KEY))
    assert shown.startswith("status 401: ") and shown.endswith(" is wrong")


def test_secret_cut_in_the_middle_is_masked_too() -> None:
    assert masked(f"not JSON: {KEY[:17]}") == f"not JSON: {MASK}"


def test_keys_that_begin_alike_do_not_hide_one_another() -> None:
    ours, theirs = "sk-ant-api03-AAAA-canary-1111", "sk-ant-api03-BBBB-canary-2222"
    remember(ours)
    remember(theirs)
    assert masked(f"{theirs} {ours}") == f"{MASK} {MASK}"


def test_text_without_a_secret_stays_as_it_is() -> None:
    assert masked("sk-test is how a key begins") == "sk-test is how a key begins"


@pytest.mark.parametrize("word", ["", "none", "ollama", "placeholder", "EMPTY", "sk-1"])
def test_what_stands_for_no_key_is_no_secret(word: str) -> None:
    assert not is_secret(word)


def test_password_of_an_address_is_one() -> None:
    assert secrets_of_url("http://user:p%40ss-word-1@host/") == ["p%40ss-word-1", "p@ss-word-1", "user:p@ss-word-1"]
    remember_url("http://user:p%40ss-word-1@host/")
    basic = base64.b64encode(b"user:p@ss-word-1").decode()
    assert masked(f"p@ss-word-1 {basic}") == f"{MASK} {MASK}{basic[-3:]}"


def test_environment_tells_its_secrets_by_their_names() -> None:
    remember_environment(
        {"SOME_API_KEY": "abc-canary-0001", "HOME": "/home/canary-0002", "X_KEY_FILE": "/run/canary-3"}
    )
    assert masked("abc-canary-0001 /home/canary-0002 /run/canary-3") == f"{MASK} /home/canary-0002 /run/canary-3"


def test_log_lines_and_tracebacks_are_masked() -> None:
    try:
        raise ValueError(KEY)
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 1, "with %s", (KEY,), (ValueError, error, None))
    line = MaskedFormatter("%(message)s").format(record)
    assert KEY not in line
    assert line.count(MASK) == 2


@given(
    st.lists(st.sampled_from([KEY, KEY[:9], KEY[9:], "sk", "-", " plain text ", "s"]), max_size=12), st.integers(1, 7)
)
def test_stream_in_pieces_is_masked_like_the_whole(parts: list[str], size: int) -> None:
    text = "".join(parts)
    mask = StreamMask(KEY)
    shown = "".join(mask.feed(text[at : at + size]) for at in range(0, len(text), size)) + mask.flush()
    assert KEY not in shown
    assert shown.replace(MASK, "") in {text.replace(KEY, ""), masked(text).replace(MASK, "")}


def test_stream_without_a_secret_is_not_held_back() -> None:
    assert StreamMask("", "none").feed("s") == "s"
    assert StreamMask(KEY).feed("The answer is 391.") == "The answer is 391."
