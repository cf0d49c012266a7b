"""Token counts and costs as servers report them: each vendor has its own way of telling what its cache gave."""

import json

import pytest

from arena.contestants.deltas import Usage
from arena.contestants.providers.anthropic import MessagesStream
from arena.contestants.providers.openai_chat import ChatStream
from arena.contestants.providers.openai_responses import ResponsesStream
from arena.contestants.providers.parsing import Parser
from arena.contestants.providers.reported_cost import reported_cost_usd
from tests.contestants.recordings import told


def events(*bodies: dict[str, object]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(body).encode() for body in bodies)


def chat(usage: dict[str, object]) -> bytes:
    choice = {"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}
    return events({"choices": [choice]}, {"choices": [], "usage": usage})


def usage_of(parser: Parser, data: bytes) -> Usage | None:
    return told(parser, data).usage


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            {
                "prompt_tokens": 1_234,
                "completion_tokens": 5_678,
                "prompt_tokens_details": {"cached_tokens": 1_024},
                "completion_tokens_details": {"reasoning_tokens": 4_000},
            },
            Usage(1_234, 5_678, 4_000, 1_024),
            id="OpenAI",
        ),
        pytest.param(
            {
                "prompt_tokens": 30,
                "completion_tokens": 9,
                "prompt_cache_hit_tokens": 20,
                "prompt_cache_miss_tokens": 10,
            },
            Usage(30, 9, None, 20),
            id="DeepSeek",
        ),
        pytest.param(
            {
                "prompt_tokens": 194,
                "completion_tokens": 2,
                "cost": 0.00095,
                "is_byok": False,
                "cost_details": {"upstream_inference_cost": 0.00095},
                "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 100},
            },
            Usage(194, 2, None, 0, 100, 0.00095),
            id="OpenRouter",
        ),
        pytest.param(
            {"prompt_tokens": 14, "completion_tokens": 287, "cost": {"request_cost": 0.006, "total_cost": 0.01031}},
            Usage(14, 287, cost_usd=0.01031),
            id="Perplexity",
        ),
        pytest.param({"prompt_tokens": 3, "completion_tokens": 5, "cost": "free"}, Usage(3, 5), id="a cost in words"),
        pytest.param({"prompt_tokens": 3, "prompt_tokens_details": None}, Usage(3), id="no details"),
    ],
)
def test_chat_completions_tell_counts_and_cost(usage: dict[str, object], expected: Usage) -> None:
    assert usage_of(ChatStream(), chat(usage)) == expected


def test_responses_tell_what_the_cache_gave() -> None:
    usage = {
        "input_tokens": 1_234,
        "output_tokens": 5_678,
        "input_tokens_details": {"cached_tokens": 1_024},
        "output_tokens_details": {"reasoning_tokens": 4_000},
    }
    data = events({"type": "response.completed", "response": {"status": "completed", "usage": usage}})
    assert usage_of(ResponsesStream(), data) == Usage(1_234, 5_678, 4_000, 1_024)


def test_failed_response_keeps_what_it_used() -> None:
    response = {"status": "failed", "error": {"code": "server_error"}, "usage": {"input_tokens": 7, "output_tokens": 9}}
    story = told(ResponsesStream(), events({"type": "response.failed", "response": response}))
    assert story.error
    assert story.usage == Usage(7, 9)


def test_chat_completion_that_breaks_off_keeps_what_it_used() -> None:
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": "no"}}
    usage = {"prompt_tokens": 7, "completion_tokens": 9, "cost": 0.25}
    story = told(ChatStream(), events({"choices": [choice], "usage": usage}))
    assert story.error
    assert story.usage == Usage(7, 9, cost_usd=0.25)


def message(*after: dict[str, object]) -> bytes:
    first = {
        "input_tokens": 200,
        "cache_read_input_tokens": 1_000,
        "cache_creation_input_tokens": 34,
        "output_tokens": 1,
    }
    return events(
        {"type": "message_start", "message": {"usage": first}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Yes."}},
        *after,
    )


def test_messages_tell_what_was_read_from_the_cache_and_written_to_it() -> None:
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5_678}}
    assert usage_of(MessagesStream(), message(end, {"type": "message_stop"})) == Usage(1_234, 5_678, None, 1_000, 34)


def test_output_count_at_the_start_of_a_message_is_not_taken_for_the_end() -> None:
    assert usage_of(MessagesStream(), message()) == Usage(1_234, None, None, 1_000, 34)


def test_output_count_at_the_start_of_a_message_counts_if_no_other_comes() -> None:
    assert usage_of(MessagesStream(), message({"type": "message_stop"})) == Usage(1_234, 1, None, 1_000, 34)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({}, None),
        ({"cost": 0}, 0.0),
        ({"cost": 0.95, "cost_details": {"upstream_inference_cost": 19}}, 0.95),
        ({"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}}, 0.21),
        ({"cost": 0.01, "is_byok": True}, None),
        ({"cost_in_usd_ticks": 37_756_000}, 0.0037756),
        ({"cost": -0.5}, None),
        ({"cost": float("nan")}, None),
        ({"cost": float("inf")}, None),
        ({"cost": 10**400}, None),
        ({"cost": True}, None),
        ({"cost": {"total_cost": None}}, None),
        ({"cost": {"total_cost": 0}}, None),
        ({"estimated_cost": 0.5}, None),
    ],
)
def test_reported_cost_is_taken_only_if_it_is_an_amount(usage: dict[str, object], cost: float | None) -> None:
    assert reported_cost_usd(usage) == (None if cost is None else pytest.approx(cost))
