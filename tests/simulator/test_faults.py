import asyncio
import json
from contextlib import suppress

import httpx
import openai
import pytest

from arena.contestants.simulator.directions import Fault
from arena.contestants.simulator.faults import HUGE_DELTA, ODD_CHARACTERS
from arena.contestants.simulator.server import Simulator

CHAT = "/v1/chat/completions"
TEXT = "".join(f"t{number} " for number in range(10))


def body(fault: str, *, stream: bool = True, **more: object) -> dict[str, object]:
    model = f"load?tokens=10&rate=0&fault={fault}"
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Go."}], **more}


async def sent(client: httpx.AsyncClient, path: str, fault: str) -> tuple[bytes, bool]:
    """What arrives, and whether the response was whole."""
    received = b""
    try:
        async with client.stream("POST", path, json=body(fault)) as page:
            assert page.status_code == 200
            async for chunk in page.aiter_raw():
                received += chunk
    except httpx.RemoteProtocolError:
        return received, False
    return received, True


def contents(events: bytes) -> str:
    lines = [line[5:].strip() for line in events.replace(b"\r", b"").split(b"\n") if line.startswith(b"data:")]
    chunks = [json.loads(line) for line in lines if line != b"[DONE]"]
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("http-400-context", 400, "context_length_exceeded"),
        ("http-401", 401, "invalid_api_key"),
        ("http-403", 403, "forbidden"),
        ("http-404", 404, "model_not_found"),
        ("http-429", 429, "rate_limit_exceeded"),
        ("quota", 429, "insufficient_quota"),
        ("http-500", 500, None),
        ("http-503", 503, "overloaded"),
        ("error-200", 200, None),
        ("refuse-stream", 400, "unsupported_value"),
    ],
)
async def test_refusals_have_their_status_and_code(
    client: httpx.AsyncClient, fault: str, status: int, code: str | None
) -> None:
    page = await client.post(CHAT, json=body(fault))
    assert (page.status_code, page.json()["error"]["code"]) == (status, code)
    own = await client.post("/api/chat", json=body(fault))
    assert (own.status_code, list(own.json())) == (status, ["error"])


async def test_refused_stream_is_served_in_one_piece(client: httpx.AsyncClient) -> None:
    page = await client.post(CHAT, json=body("refuse-stream", stream=False))
    assert page.json()["choices"][0]["message"]["content"] == TEXT


SYSTEM = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go."}]
DEVELOPER = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Go."}]
ANTHROPIC = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("fault", "path", "more"),
    [
        ("refuse-stream", CHAT, {"stream": True}),
        ("refuse-stream", "/v1/responses", {"stream": True}),
        ("refuse-stream", "/v1/messages", {"stream": True}),
        ("refuse-stream", "/api/chat", {"stream": True}),
        ("refuse-system", CHAT, {"messages": SYSTEM}),
        ("refuse-system", "/v1/responses", {"instructions": "Be brief."}),
        ("refuse-system", "/v1/messages", {"system": "Be brief."}),
        ("refuse-system", "/api/chat", {"messages": SYSTEM}),
        ("refuse-developer", CHAT, {"messages": DEVELOPER}),
        ("refuse-developer", "/v1/responses", {"input": DEVELOPER}),
        ("refuse-developer", "/api/chat", {"messages": DEVELOPER}),
        ("refuse-stream-options", CHAT, {"stream_options": {"include_usage": True}}),
        ("refuse-stream-options", "/v1/responses", {"stream_options": {"include_obfuscation": False}}),
        ("refuse-max-tokens", CHAT, {"max_tokens": 5}),
        ("refuse-max-tokens", "/v1/responses", {"max_output_tokens": 5}),
        ("refuse-max-tokens", "/v1/messages", {"max_tokens": 8192}),
        ("refuse-max-tokens", "/api/chat", {"options": {"num_predict": 5}}),
        ("refuse-think", CHAT, {"reasoning_effort": "low"}),
        ("refuse-think", "/v1/responses", {"reasoning": {"summary": "auto"}}),
        ("refuse-think", "/v1/messages", {"thinking": {"type": "adaptive"}}),
        ("refuse-think", "/api/chat", {"think": True}),
    ],
)
async def test_what_is_not_taken_is_refused_only_if_it_is_there(
    client: httpx.AsyncClient, fault: str, path: str, more: dict[str, object]
) -> None:
    plain = {**body(fault, stream=False), "max_tokens": 2000, "input": "Go."}
    if path == CHAT:
        del plain["max_tokens"]
    assert (await client.post(path, json=plain, headers=ANTHROPIC)).status_code == 200
    refused = await client.post(path, json=plain | more, headers=ANTHROPIC)
    assert (refused.status_code, "support" in refused.text or "maximum" in refused.text) == (400, True)


async def test_proxy_pages_and_nothing_at_all(client: httpx.AsyncClient) -> None:
    assert "<html>" in (await client.post(CHAT, json=body("html-200"))).text
    assert (await client.post(CHAT, json=body("html-502"))).status_code == 502
    assert (await client.post(CHAT, json=body("empty-200"))).content == b""
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post(CHAT, json=body("reset"))


@pytest.mark.parametrize("path", [CHAT, "/api/chat"])
async def test_cut_streams_break_off_halfway(client: httpx.AsyncClient, path: str) -> None:
    received, is_whole = await sent(client, path, "cut")
    assert b"t4" in received and b"t5" not in received and not is_whole
    received, is_whole = await sent(client, path, "cut-mid-line")
    assert not received.endswith(b"\n") and not is_whole


@pytest.mark.parametrize("path", [CHAT, "/api/chat"])
async def test_missing_mark_ends_a_whole_response(client: httpx.AsyncClient, path: str) -> None:
    received, is_whole = await sent(client, path, "missing-done")
    assert is_whole and b"t9" in received
    assert b"[DONE]" not in received and b'"done":true' not in received and b'"stop"' not in received


async def test_error_in_mid_stream_is_in_the_form_of_the_protocol(client: httpx.AsyncClient) -> None:
    assert b'data: {"error":' in (await sent(client, CHAT, "error-mid-stream"))[0]
    assert b'\n{"error":' in (await sent(client, "/api/chat", "error-mid-stream"))[0]


@pytest.mark.parametrize("path", [CHAT, "/api/chat"])
async def test_garbage_is_a_line_that_is_no_json(client: httpx.AsyncClient, path: str) -> None:
    received, _ = await sent(client, path, "garbage")
    lines = [line.removeprefix(b"data: ") for line in received.split(b"\n") if line and line != b"data: [DONE]"]
    broken = [line for line in lines if not line.endswith(b"}")]
    assert len(broken) == 1


async def test_null_finish_comes_after_the_finish(client: httpx.AsyncClient) -> None:
    received, _ = await sent(client, CHAT, "late-null-finish")
    assert received.rindex(b'"finish_reason":null') > received.index(b'"finish_reason":"stop"')


@pytest.mark.parametrize("fault", ["odd-lines", "seven-bytes"])
async def test_odd_but_right_streams_add_up_for_the_official_sdk(simulator: Simulator, fault: str) -> None:
    text = ""
    async with openai.AsyncOpenAI(base_url=f"{simulator.url}/v1", api_key="none", max_retries=0) as official:
        stream = await official.chat.completions.create(
            model=f"load?tokens=10&rate=0&fault={fault}", messages=[{"role": "user", "content": "Go."}], stream=True
        )
        async for chunk in stream:
            text += chunk.choices[0].delta.content or "" if chunk.choices else ""
    assert text == TEXT


async def test_huge_delta_and_odd_characters_arrive(client: httpx.AsyncClient) -> None:
    assert contents((await sent(client, CHAT, "huge-delta"))[0]) == TEXT + HUGE_DELTA
    assert contents((await sent(client, CHAT, "odd-characters"))[0]) == TEXT + ODD_CHARACTERS
    lines = (await sent(client, "/api/chat", "odd-characters"))[0].strip().split(b"\n")
    assert json.loads(lines[-2])["message"]["content"] == ODD_CHARACTERS


async def test_length_and_missing_usage(client: httpx.AsyncClient) -> None:
    cut = (await client.post(CHAT, json=body("length", stream=False))).json()
    assert cut["choices"][0]["finish_reason"] == "length"
    assert "usage" not in (await client.post(CHAT, json=body("no-usage", stream=False))).json()


async def test_reasoning_that_never_closes_has_no_answer(client: httpx.AsyncClient) -> None:
    request = body("no-closing-tag") | {"stream": False, "simulator": {"think": 0.5, "reasoning": "inline"}}
    content = (await client.post(CHAT, json=request)).json()["choices"][0]["message"]["content"]
    assert content == "<think>\nt0 t1 t2 t3 t4 "


@pytest.mark.parametrize("fault", ["silence", "never-ends"])
async def test_endless_streams_end_when_the_client_leaves(
    client: httpx.AsyncClient, simulator: Simulator, fault: str
) -> None:
    received = b""
    async with client.stream("POST", CHAT, json=body(fault)) as page:
        async for chunk in page.aiter_raw():
            received += chunk
            if received.count(b"t4") >= (2 if fault == "never-ends" else 1):
                break
        assert simulator.counts.open_streams == 1
    async with httpx.AsyncClient(base_url=simulator.url, trust_env=False) as other:
        async with asyncio.timeout(10):
            while (await other.get("/simulator/state")).json()["open_streams"]:
                continue
    assert simulator.counts.streams_closed_by_client == 1


@pytest.mark.parametrize("fault", list(Fault))
async def test_no_fault_breaks_the_server(client: httpx.AsyncClient, simulator: Simulator, fault: Fault) -> None:
    """Each is asked for in all protocols, streamed and plain, and left alone after a moment."""
    for path in (CHAT, "/api/chat", "/v1/responses", "/v1/messages"):
        for stream in (True, False):
            with suppress(httpx.HTTPError, TimeoutError):
                async with asyncio.timeout(0.1):
                    request = body(fault, stream=stream, input="Go.", max_tokens=20)
                    await client.post(path, json=request, headers={"anthropic-version": "2023-06-01"})
    assert (await client.get("/api/version")).status_code == 200
