"""What real servers answer when they refuse or fail, and which of the arena's failures each is."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from arena.contestants.errors import ProviderError
from arena.contestants.providers.failures import MAX_DETAIL_CHARS, is_failure, provider_error, server_error
from arena.contestants.providers.retry_after import MAX_RETRY_AFTER_S, retry_after_s


def openai(message: str, code: str | None = None, kind: str = "invalid_request_error", **more: object) -> object:
    return {"error": {"message": message, "type": kind, "param": None, "code": code, **more}}


@dataclass(frozen=True)
class Answer:
    """`status` is 0 for what comes under a 200 or in mid-stream."""

    kind: str
    who: str
    status: int
    body: object


TABLE = Path(__file__).parent / "data" / "failures.jsonl"
ANSWERS = [Answer(**json.loads(line)) for line in TABLE.read_text().strip().split("\n")]


@pytest.mark.parametrize("answer", ANSWERS, ids=[f"{answer.kind}: {answer.who}" for answer in ANSWERS])
def test_error_gets_its_name(answer: Answer) -> None:
    error = provider_error(server_error(answer.status, answer.body))
    assert type(error).__name__ == answer.kind
    if answer.status == 0 and answer.body:
        assert is_failure(answer.body)


def test_messages_name_nobody() -> None:
    names = {answer.who.partition(",")[0].lower() for answer in ANSWERS} - {"midway", "nothing", "nothing said", "page"}
    for answer in ANSWERS:
        message = provider_error(server_error(answer.status, answer.body)).message.lower()
        assert not [name for name in names if name in message]


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        ({"error": "x"}, True),
        ([{"error": {"message": "x"}}], True),
        ({"detail": "Not Found"}, True),
        ({"message": "no", "code": 20012, "data": None}, True),
        ({"errors": [{"message": "x"}], "success": False}, True),
        ({"object": "error", "message": "x"}, True),
        ({"base_resp": {"status_code": 1004}}, True),
        ({"base_resp": {"status_code": 0}, "choices": []}, False),
        ({"error": None, "status": "completed"}, False),
        ({"type": "ping"}, False),
        ({"type": "message_start", "message": {"role": "assistant"}}, False),
        ({"choices": [], "message": "x", "code": 1}, False),
        ({}, False),
        ([], False),
        (None, False),
    ],
)
def test_error_under_a_200_is_known_by_its_shape(body: object, is_one: bool) -> None:
    assert is_failure(body) == is_one


def test_story_for_the_log_is_short_and_holds_no_key() -> None:
    body = openai(f"Incorrect API key provided: sk-abcdef123 and topsecret. {'x' * 100_000}")
    story = str(provider_error(server_error(401, body), where="http://host/v1", api_key="topsecret"))
    assert "http://host/v1 401" in story
    assert "abcdef123" not in story
    assert "topsecret" not in story
    assert len(story) <= MAX_DETAIL_CHARS + len("key_refused: ")


@pytest.mark.parametrize(
    ("headers", "sentence", "wait_s"),
    [
        ({"retry-after": "7"}, "", 7),
        ({"Retry-After": " 7.5 "}, "", 7.5),
        ({"Retry-After": "2m30s"}, "", 150),
        ({"retry-after-ms": "1500", "retry-after": "7"}, "", 1.5),
        ({"x-ms-retry-after-ms": "250"}, "", 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, "", 0),
        ({"retry-after": "0"}, "Please try again in 9s.", 0),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": "-3"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "1e400"}, "", None),
        ({"retry-after": "999999999999999999"}, "", None),
        ({"retry-after": "900000"}, "", MAX_RETRY_AFTER_S),
        ({"x-ratelimit-reset-tokens": "7.66s", "x-ratelimit-remaining-tokens": "0"}, "", 7.66),
        ({"x-ratelimit-reset-tokens": "7.66s", "x-ratelimit-remaining-tokens": "12"}, "", None),
        ({"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-requests": "0"}, "in 1s", 360),
        ({"x-ratelimit-reset-requests": "20ms", "x-ratelimit-remaining-requests": "0"}, "", 0.02),
        ({}, "Please try again in 6m0s. Visit https://x/account/rate-limits", 360),
        ({}, "Please try again in 1.242s.", 1.242),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, "Please retry after 6 seconds.", 6),
        ({}, "Please retry in 32.417s.", 32.417),
        ({}, "Please wait 2 minutes before trying", 120),
        ({}, "try again in 1 h 2 min", 3720),
        ({}, "Please try again later.", None),
        ({}, "Limit 3 requests per 60s", None),
        ({}, "", None),
    ],
)
def test_wish_to_be_asked_later_is_read(headers: dict[str, str], sentence: str, wait_s: float | None) -> None:
    found = retry_after_s(headers, sentence)
    assert found == (None if wait_s is None else pytest.approx(wait_s))


@pytest.mark.parametrize("spell", [format_datetime, datetime.isoformat])
@pytest.mark.parametrize("name", ["retry-after", "anthropic-ratelimit-requests-reset"])
def test_moment_to_be_asked_again_is_read(name: str, spell: object) -> None:
    assert callable(spell)
    headers = {name: spell(datetime.now(UTC) + timedelta(hours=2)), "anthropic-ratelimit-requests-remaining": "0"}
    wait_s = retry_after_s(headers)
    assert wait_s is not None
    assert 7000 < wait_s <= 7200


def test_moments_as_numbers_are_read() -> None:
    soon = datetime.now(UTC).timestamp() + 7200
    for number in (int(soon), int(soon * 1000)):
        wait_s = retry_after_s({"x-ratelimit-reset": str(number), "x-ratelimit-remaining": "0"})
        assert wait_s is not None
        assert 7000 < wait_s <= 7200


def test_sentence_is_asked_only_where_waiting_helps() -> None:
    said = openai("Rate limit reached. Please try again in 2s.", "rate_limit_exceeded")
    assert provider_error(server_error(429, said)).retry_after_s == 2
    assert provider_error(server_error(500, openai("Oops. Please try again in 2s."))).retry_after_s is None


def test_error_bodies_of_any_depth_and_size_are_read() -> None:
    deep: object = "x"
    for _ in range(500):
        deep = {"error": {"message": deep}, "detail": [deep]}
    huge = json.loads(json.dumps({"error": {"message": "model " * 200_000, "code": ["x"], "type": 7}}))
    for body in (deep, huge, [[]], [None], {"errors": [None]}, {"errors": {}}, {"detail": {"detail": []}}, 7, None):
        assert isinstance(provider_error(server_error(400, body)), ProviderError)
