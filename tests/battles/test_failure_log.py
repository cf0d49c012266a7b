"""What the operator's log tells of a failed response: everything, in one line that nobody else can write."""

import logging
from uuid import UUID

import httpx
import pytest

from arena.battles import failure_log
from arena.battles.failure_log import quoted
from arena.battles.panes import Part
from arena.battles.streaming import Transcript
from arena.contestants.deltas import AnswerDelta
from arena.contestants.errors import ProviderError, RateLimited
from arena.contestants.providers.patience import TimeLimits

BATTLE = UUID("6f1c4f3e-0000-4000-8000-000000000001")


def never(client: httpx.AsyncClient, simulator_url: str) -> None:
    raise AssertionError("nobody is asked here")


PART = Part(
    response_id=7,
    slot="B",
    turn=2,
    is_restart=False,
    is_simulated=False,
    is_free=False,
    open=never,  # type: ignore[arg-type]
    limits=TimeLimits(1, 1, 1),
    contestant="qwq-32b",
    provider="openai",
    server="https://host.example/v1",
)


def logged(error: Exception, caplog: pytest.LogCaptureFixture) -> str:
    now = 10.0
    transcript = Transcript("B", 2, max_chars=100, clock=lambda: now)
    transcript.tries = 3
    transcript.apply(AnswerDelta("four"))
    now = 22.5
    with caplog.at_level(logging.INFO, "arena"):
        failure_log.response_failed(BATTLE, PART, error, transcript.failed("busy", "A sentence."))
    (record,) = caplog.records
    return record.getMessage()


def busy(words: str) -> ProviderError:
    error = RateLimited(words)
    error.where, error.status = "https://host.example/v1/chat/completions", 429
    return error


def test_line_holds_the_full_story(caplog: pytest.LogCaptureFixture) -> None:
    error = busy("Slow down, please")
    error.add_note("from a note")
    assert logged(error, caplog) == (
        f"response failed: battle={BATTLE} turn=2 slot=B contestant=qwq-32b provider=openai"
        " server=https://host.example/v1/chat/completions code=busy status=429 tries=3 after_s=12.5 chars=4"
        ' said="busy: Slow down, please | from a note"'
    )


def test_address_of_the_entry_stands_in_for_one_that_is_not_known(caplog: pytest.LogCaptureFixture) -> None:
    line = logged(RateLimited(), caplog)
    assert "server=https://host.example/v1 code=busy tries=3" in line
    assert "status" not in line


FORGERY = 'x" said="all is well"\n2026-01-01 INFO arena: nothing\r\x1b[31mred\x9b2J\u2028\u202etxet\x00\ud83d\x85'


def test_words_of_a_server_cannot_forge_the_log(caplog: pytest.LogCaptureFixture) -> None:
    line = logged(busy(FORGERY), caplog)
    assert line.isprintable()
    assert line.count(' said="') == 1
    assert line.endswith('"')
    assert r"\n2026-01-01" in line
    assert r"\x1b[31mred\x9b2J\u2028\u202etxet\x00\ud83d\x85" in line


def test_words_of_a_server_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    assert len(logged(busy("long " * 10_000), caplog)) < 2000


def test_fault_of_ours_comes_with_its_traceback_in_the_same_line(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ZeroDivisionError(FORGERY)
    except ZeroDivisionError as error:
        line = logged(error, caplog)
    assert caplog.records[0].levelname == "ERROR"
    assert line.startswith(f"response broke: battle={BATTLE} ")
    assert line.isprintable()
    assert "ZeroDivisionError" in line
    assert r"\n  File " in line
    assert "test_failure_log.py" in line


def test_pause_is_told_with_its_length(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "arena"):
        failure_log.response_waits(BATTLE, PART, busy("Slow"), 3.25, tries=1)
    assert caplog.records[0].getMessage().endswith('code=busy status=429 tries=1 again_in_s=3.2 said="busy: Slow"')


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain-1.2/x:y", "plain-1.2/x:y"),
        (429, "429"),
        ("", '""'),
        ("a b", '"a b"'),
        ("é 漢", '"é 漢"'),
        ('a"\\b', r'"a\"\\b"'),
        ("a=b", '"a=b"'),
    ],
)
def test_values_are_quoted_where_they_must_be(value: object, text: str) -> None:
    assert quoted(value) == text
