"""The providers over a real socket: what goes out, what comes back, and how it fails."""

import asyncio
import gzip
import json
from collections.abc import Callable

import httpx
import pytest

from arena.contestants.deltas import (
    AnswerDelta,
    Delta,
    Finish,
    FinishReason,
    ReasoningDelta,
    Usage,
    Waiting,
    WaitReason,
)
from arena.contestants.errors import (
    BadRequest,
    ContentRefused,
    ContextTooLong,
    Garbage,
    KeyRefused,
    ModelGone,
    Overloaded,
    ProviderError,
    QuotaSpent,
    RateLimited,
    ServerFailed,
    Truncated,
    Unreachable,
)
from arena.contestants.providers import anthropic, http, ollama, openai_chat, openai_responses
from arena.contestants.providers.call import Call
from arena.contestants.providers.registry import Stream
from tests.contestants.servers import Answer, Asked, Connection, serving

LIMIT_S = 60
# Of the event loop, from what a server does last to where the client has seen it.
STEPS_TO_THE_CUT = 50


def call(url: str, model: str = "some-model", *, system: str = "", **options: object) -> Call:
    messages = [{"role": "system", "content": system}] if system else []
    return Call(
        base_url=url,
        model=model,
        messages=(*messages, {"role": "user", "content": "Why?"}),  # type: ignore[arg-type]
        api_key="sk-secret-1234",
        options=options,
    )


def event(**value: object) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def piece(text: str | None = None, *, finish: str | None = None, **delta: object) -> bytes:
    delta = {"content": text, **delta} if text is not None else delta
    return event(choices=[{"index": 0, "delta": delta, "finish_reason": finish}])


def saying(data: bytes, status: int = 200, **headers: str) -> Answer:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head(status, **headers)
        await connection.send(data)

    return answer


async def all_of(
    http_client: httpx.AsyncClient, answer: Answer, *, stream: Stream = openai_chat.stream, model: str = "some-model"
) -> list[Delta]:
    async with asyncio.timeout(LIMIT_S), serving(answer) as server:
        return [delta async for delta in stream(http_client, call(server.url, model))]


async def failure_of(
    http_client: httpx.AsyncClient, answer: Answer, *, stream: Stream = openai_chat.stream
) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await all_of(http_client, answer, stream=stream)
    assert "secret" not in str(caught.value) + repr(caught.value)
    return caught.value


def text_of(deltas: list[Delta]) -> tuple[str, str]:
    finish = deltas[-1]
    assert isinstance(finish, Finish)
    return finish.reasoning, finish.answer


async def test_chat_request_carries_key_model_and_messages(http_client: httpx.AsyncClient) -> None:
    async with serving(saying(piece("Yes.", finish="stop"))) as server:
        deltas = [
            delta
            async for delta in openai_chat.stream(
                http_client, call(server.url, system="Be brief.", temperature=0.5, n=3)
            )
        ]
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.headers["authorization"] == "Bearer sk-secret-1234"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.body == {
        "model": "some-model",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
    }
    assert deltas == [AnswerDelta("Yes."), Finish(FinishReason.STOP, "", "Yes.", "Yes.")]


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "Hm."},
        {"reasoning": "Hm."},
        {"reasoning": "Hm.", "reasoning_content": "Hm.", "reasoning_details": [{"text": "Hm."}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]},
        {"content": "<think>Hm.</think>"},
        {"content": "<Thought>Hm.</Thought>\n"},
    ],
)
async def test_reasoning_is_found_wherever_a_server_puts_it(
    http_client: httpx.AsyncClient, delta: dict[str, object]
) -> None:
    deltas = await all_of(http_client, saying(piece(**delta) + piece("Yes.", finish="stop")))
    assert text_of(deltas) == ("Hm.", "Yes.")


async def test_finish_reason_is_not_overwritten_and_usage_after_it_is_read(http_client: httpx.AsyncClient) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}}
    data = piece("A", finish="length") + piece() + event(choices=[], usage=usage) + b"data: [DONE]\n\n"
    deltas = await all_of(http_client, saying(data))
    assert Usage(3, 5, 2) in deltas
    assert deltas[-1] == Finish(FinishReason.LENGTH, "", "A", "A")


async def test_stream_that_never_ends_after_its_mark_is_left(
    http_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TAIL_S", 0.05)

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head()
        await connection.send(piece("A", finish="stop"))
        await connection.gone()

    assert text_of(await all_of(http_client, answer)) == ("", "A")


async def test_separators_of_str_splitlines_stay_in_the_text(http_client: httpx.AsyncClient) -> None:
    text = "a\u2028b\u2029c\u0085d\x0be\x0cf"
    line = json.dumps({"message": {"content": text}, "done": True}, ensure_ascii=False)
    assert text_of(await all_of(http_client, saying(line.encode()), stream=ollama.stream)) == ("", text)
    chunk = {"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]}
    data = f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()
    assert text_of(await all_of(http_client, saying(data))) == ("", text)


async def test_surrogates_and_nul_are_mended(http_client: httpx.AsyncClient) -> None:
    data = rb'data: {"choices":[{"delta":{"content":"x\ud83d"}}]}' + b"\n\n"
    data += (
        rb'data: {"choices":[{"delta":{"content":"\ude00 \ud83d y\u0000z \udc00"},"finish_reason":"stop"}]}' + b"\n\n"
    )
    assert text_of(await all_of(http_client, saying(data))) == ("", "x😀 \ufffd yz \ufffd")


async def test_sse_is_read_with_crlf_bom_comments_and_data_in_lines(http_client: httpx.AsyncClient) -> None:
    data = b'\xef\xbb\xbf: hello\r\n\r\ndata:{"choices":\r\ndata: [{"delta":{"content":"A"},\r\nid: 7\r\n'
    data += b'data:"finish_reason":"stop"}]}\r\n\r\n'
    assert text_of(await all_of(http_client, saying(data))) == ("", "A")


async def test_a_megabyte_in_one_delta_comes_whole(http_client: httpx.AsyncClient) -> None:
    text = "0123456789" * 100_000
    assert text_of(await all_of(http_client, saying(piece(text, finish="stop")))) == ("", text)


async def test_stream_that_a_proxy_compressed_is_read(http_client: httpx.AsyncClient) -> None:
    data = gzip.compress(piece("A") + piece("B", finish="stop"))
    assert text_of(await all_of(http_client, saying(data, Content_Encoding="gzip"))) == ("", "AB")


async def test_broken_compression_is_garbage(http_client: httpx.AsyncClient) -> None:
    error = await failure_of(http_client, saying(b"no gzip at all", Content_Encoding="gzip"))
    assert isinstance(error, Garbage)


async def test_closing_the_stream_closes_the_connection(http_client: httpx.AsyncClient) -> None:
    gone = asyncio.Event()

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head()
        await connection.send(piece("A"))
        await connection.gone()
        gone.set()

    async with asyncio.timeout(LIMIT_S), serving(answer) as server:
        deltas = openai_chat.stream(http_client, call(server.url))
        assert await anext(deltas) == AnswerDelta("A")
        await deltas.aclose()
        await gone.wait()


async def test_cancelling_a_silent_stream_closes_the_connection(http_client: httpx.AsyncClient) -> None:
    asked_for, gone = asyncio.Event(), asyncio.Event()

    async def answer(asked: Asked, connection: Connection) -> None:
        asked_for.set()
        await connection.gone()
        gone.set()

    async def listen(url: str) -> None:
        async for _ in ollama.stream(http_client, call(url)):
            pass

    async with asyncio.timeout(LIMIT_S), serving(answer) as server:
        listener = asyncio.create_task(listen(server.url))
        await asked_for.wait()
        listener.cancel()
        await gone.wait()
        with pytest.raises(asyncio.CancelledError):
            await listener


async def test_cancelling_between_two_reads_closes_the_connection() -> None:
    is_pausing, gone = asyncio.Event(), asyncio.Event()

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head()
        await connection.send(piece("A"))
        await connection.gone()
        gone.set()

    async def pause() -> None:
        is_pausing.set()
        await asyncio.Event().wait()

    async def listen(client: httpx.AsyncClient, url: str) -> None:
        async for _ in openai_chat.stream(client, call(url)):
            pass

    async with asyncio.timeout(LIMIT_S), http.make_client(pause=pause) as client, serving(answer) as server:
        listener = asyncio.create_task(listen(client, server.url))
        await is_pausing.wait()
        listener.cancel()
        await gone.wait()
        with pytest.raises(asyncio.CancelledError):
            await listener


async def test_connection_cut_in_mid_stream_is_truncated_and_its_text_kept(http_client: httpx.AsyncClient) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head(Content_Length="10000")
        await connection.send(piece("A") + b'data: {"choices":[{"del')

    deltas: list[Delta] = []
    async with asyncio.timeout(LIMIT_S), serving(answer) as server:
        with pytest.raises(Truncated):
            async for delta in openai_chat.stream(http_client, call(server.url)):
                deltas.append(delta)
    assert deltas == [AnswerDelta("A")]


async def test_text_that_arrived_before_the_cut_but_was_not_yet_read_is_kept() -> None:
    """The next read finds both, text and broken connection: so it is while bytes gather, or the loop is busy."""
    first_is_read, has_said_all = asyncio.Event(), asyncio.Event()

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head(Content_Length="10000")
        await connection.send(piece("A"))
        await first_is_read.wait()
        await connection.send(piece("B") + piece("C"))
        has_said_all.set()

    async def pause() -> None:
        first_is_read.set()
        await has_said_all.wait()
        for _ in range(STEPS_TO_THE_CUT):
            await asyncio.sleep(0)

    deltas: list[Delta] = []
    async with asyncio.timeout(LIMIT_S), http.make_client(pause=pause) as client, serving(answer) as server:
        with pytest.raises(Truncated):
            async for delta in openai_chat.stream(client, call(server.url)):
                deltas.append(delta)
    assert "".join(delta.text for delta in deltas if isinstance(delta, AnswerDelta)) == "ABC"


async def test_body_with_broken_framing_does_not_hang_and_keeps_what_had_arrived(
    http_client: httpx.AsyncClient,
) -> None:
    first_is_read = asyncio.Event()

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head(Transfer_Encoding="chunked")
        await connection.send(b"%x\r\n%b\r\n" % (len(piece("A")), piece("A")))
        await first_is_read.wait()
        await connection.send(b"no number\r\n")
        await connection.gone()

    deltas: list[Delta] = []
    async with asyncio.timeout(LIMIT_S), serving(answer) as server:
        with pytest.raises(Truncated):
            async for delta in openai_chat.stream(http_client, call(server.url)):
                deltas.append(delta)
                first_is_read.set()
    assert deltas == [AnswerDelta("A")]


@pytest.mark.parametrize(
    "data",
    [
        piece("A"),
        b"HTTP/1.1 fine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: %b\r\n\r\n" % (b"x" * http.MAX_HEADER_BYTES),
    ],
)
async def test_what_is_no_http_is_garbage(http_client: httpx.AsyncClient, data: bytes) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.send(data)
        await connection.gone()

    error = await failure_of(http_client, answer)
    assert type(error) is Garbage
    assert not error.was_refused


async def test_large_header_is_no_obstacle(http_client: httpx.AsyncClient) -> None:
    answer = saying(piece("A", finish="stop"), Content_Security_Policy="x" * (http.MAX_HEADER_BYTES // 2))
    assert text_of(await all_of(http_client, answer)) == ("", "A")


async def test_redirection_is_refused_and_the_log_says_where_it_leads(http_client: httpx.AsyncClient) -> None:
    error = await failure_of(http_client, saying(b"", 308, Location="https://user:secret@elsewhere/v1?key=secret"))
    assert type(error) is BadRequest
    assert error.__notes__ == ["it redirects to https://elsewhere/v1"]


async def test_done_without_a_finish_reason_is_truncated(http_client: httpx.AsyncClient) -> None:
    assert isinstance(await failure_of(http_client, saying(piece("A") + b"data: [DONE]\n\n")), Truncated)


async def test_text_before_an_error_in_the_same_read_is_kept(http_client: httpx.AsyncClient) -> None:
    data = piece("A") + event(error={"message": "boom", "type": "server_error"})
    deltas: list[Delta] = []
    async with serving(saying(data)) as server:
        with pytest.raises(ServerFailed, match="boom"):
            async for delta in openai_chat.stream(http_client, call(server.url)):
                deltas.append(delta)
    assert deltas == [AnswerDelta("A")]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"code": "invalid_api_key", "message": "Incorrect API key: sk-secret-1234"}}, KeyRefused),
        (403, {"error": {"message": "no"}}, KeyRefused),
        (404, {"error": {"code": "model_not_found", "message": "The model `x` does not exist"}}, ModelGone),
        (404, {"error": "model 'x' not found"}, ModelGone),
        (404, {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-1"}}, ModelGone),
        (404, b"<html>nginx</html>", BadRequest),
        (429, {"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}, QuotaSpent),
        (429, {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, RateLimited),
        (402, {"error": {"message": "Insufficient Balance"}}, QuotaSpent),
        (400, {"error": {"code": "context_length_exceeded", "message": "too long"}}, ContextTooLong),
        (400, {"error": {"type": "exceed_context_size_error", "message": "does not fit"}}, ContextTooLong),
        (400, {"error": {"code": "content_policy_violation", "message": "no"}}, ContentRefused),
        (400, {"error": {"message": "what?"}}, BadRequest),
        (301, b"", BadRequest),
        (500, {"error": {"message": "oops"}}, ServerFailed),
        (502, b"<html>bad gateway</html>", ServerFailed),
        (503, {"error": "server busy, please try again"}, Overloaded),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, Overloaded),
    ],
)
async def test_refusal_gets_its_name(
    http_client: httpx.AsyncClient, status: int, body: object, kind: type[ProviderError]
) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.reply(body, status)

    assert type(await failure_of(http_client, answer)) is kind


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After_Ms": "1500", "Retry_After": "7"}, 1.5),
        ({"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"Retry_After": "soon"}, None),
        ({}, None),
    ],
)
async def test_rate_limit_says_how_long_to_wait(
    http_client: httpx.AsyncClient, headers: dict[str, str], wait_s: float | None
) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.reply({"error": {"message": "slow down"}}, 429, **headers)

    error = await failure_of(http_client, answer)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == wait_s


@pytest.mark.parametrize("stream", [ollama.stream, openai_chat.stream, openai_responses.stream, anthropic.stream])
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", Garbage),
        (b"\n\n", Garbage),
        (b"<!DOCTYPE html>\n<html>\n<p>Sign in</p></html>", Garbage),
        (b'{"error": {"message": "it broke"}}', ServerFailed),
        (b'{"error": "model \'x\' not found"}', ModelGone),
        (b'{\n "error": {"code": "rate_limit_exceeded"}\n}', None),
        (b"\xff\xfe\x00garbage", Garbage),
        (b"[" * 100_000, Garbage),
    ],
)
async def test_200_that_is_no_stream_is_a_named_failure(
    http_client: httpx.AsyncClient, stream: Stream, data: bytes, kind: type[ProviderError] | None
) -> None:
    error = await failure_of(http_client, saying(data), stream=stream)
    assert kind is None or type(error) is kind


async def test_nobody_there_is_unreachable(http_client: httpx.AsyncClient) -> None:
    with pytest.raises(Unreachable):
        await anext(openai_chat.stream(http_client, call("http://127.0.0.1:9")))


async def test_server_that_hangs_up_is_unreachable(http_client: httpx.AsyncClient) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        pass

    assert isinstance(await failure_of(http_client, answer), Unreachable)


@pytest.mark.parametrize(
    ("address", "served", "asked_for"),
    [
        ("", "/v1", ["/v1"]),
        ("/", "/v1", ["/v1"]),
        ("/v1/", "/v1", ["/v1"]),
        ("", "", ["/v1", ""]),
        ("/openai", "/openai", ["/openai"]),
    ],
)
@pytest.mark.parametrize("call_name", ["chat/completions", "responses"])
async def test_address_may_leave_out_v1(
    http_client: httpx.AsyncClient, address: str, served: str, asked_for: list[str], call_name: str
) -> None:
    stream = openai_chat.stream if call_name == "chat/completions" else openai_responses.stream
    done = event(type="response.completed", response={"status": "completed"})

    async def answer(asked: Asked, connection: Connection) -> None:
        if asked.path != f"{served}/{call_name}":
            await connection.reply({"detail": "Not Found"}, 404)
        else:
            await saying(done if stream is openai_responses.stream else piece("A", finish="stop"))(asked, connection)

    async with serving(answer) as server:
        deltas = [delta async for delta in stream(http_client, call(f"{server.url}{address}"))]
    assert isinstance(deltas[-1], Finish)
    assert [asked.path for asked in server.asked] == [f"{root}/{call_name}" for root in asked_for]


async def test_server_that_closes_without_a_word_is_asked_again(http_client: httpx.AsyncClient) -> None:
    """The connection of the refusal is not used again: its server has closed it meanwhile."""

    async def answer(asked: Asked, connection: Connection) -> None:
        if asked.body["stream"]:
            refusal = b'{"error": "\'stream\' does not support true with this model"}'
            await connection.send(b"HTTP/1.1 400 No\r\nContent-Length: %d\r\n\r\n%b" % (len(refusal), refusal))
        else:
            await connection.reply({"choices": [{"message": {"content": "A"}, "finish_reason": "stop"}]})

    assert text_of(await all_of(http_client, answer)) == ("", "A")


async def test_address_that_is_none_is_a_bad_request(http_client: httpx.AsyncClient) -> None:
    with pytest.raises(ProviderError):
        await anext(openai_chat.stream(http_client, call("http://[nonsense")))


async def test_error_in_mid_stream_has_its_kind(http_client: httpx.AsyncClient) -> None:
    line = (
        json.dumps({"message": {"content": "A"}}) + '\n{"error": "an error was encountered while running the model"}\n'
    )
    assert isinstance(await failure_of(http_client, saying(line.encode()), stream=ollama.stream), ServerFailed)
    data = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    assert isinstance(await failure_of(http_client, saying(data), stream=anthropic.stream), Overloaded)
    data = b'error: {"code": 500, "message": "boom", "type": "server_error"}\n\n'
    assert isinstance(await failure_of(http_client, saying(data)), ServerFailed)


# --- What reasoning models refuse -------------------------------------------------------------------


def refusing(refuses: Callable[[dict[str, object]], dict[str, object] | None], answer: Answer) -> Answer:
    """A server that answers 400 with the error that `refuses` finds in a request."""

    async def checked(asked: Asked, connection: Connection) -> None:
        if error := refuses(asked.body):
            await connection.reply({"error": error}, 400)
        else:
            await answer(asked, connection)

    return checked


async def test_refused_stream_is_repeated_plain_and_given_as_one_delta(http_client: httpx.AsyncClient) -> None:
    def refuses(body: dict[str, object]) -> dict[str, object] | None:
        if not body["stream"]:
            assert "stream_options" not in body
            return None
        sentence = "Unsupported value: 'stream' does not support true with this model. Only false is supported."
        return {"message": sentence, "param": "stream", "code": "unsupported_value"}

    async def answer(asked: Asked, connection: Connection) -> None:
        usage = {"prompt_tokens": 1, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 8}}
        choice = {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
        await connection.reply({"object": "chat.completion", "choices": [choice], "usage": usage})

    deltas = await all_of(http_client, refusing(refuses, answer), model="o1")
    assert deltas == [AnswerDelta("Yes."), Usage(1, 9, 8), Finish(FinishReason.STOP, "", "Yes.", "Yes.")]


async def test_refused_stream_options_are_left_out(http_client: httpx.AsyncClient) -> None:
    def refuses(body: dict[str, object]) -> dict[str, object] | None:
        return {"message": "Unrecognized: stream_options"} if "stream_options" in body else None

    deltas = await all_of(http_client, refusing(refuses, saying(piece("Yes.", finish="stop"))))
    assert text_of(deltas) == ("", "Yes.")


async def test_refused_system_role_is_folded_into_the_question(http_client: httpx.AsyncClient) -> None:
    def refuses(body: dict[str, object]) -> dict[str, object] | None:
        roles = [message["role"] for message in body["messages"]]  # type: ignore[attr-defined]
        return {"message": "System role not supported"} if "system" in roles else None

    async with serving(refusing(refuses, saying(piece("Yes.", finish="stop")))) as server:
        async for _ in openai_chat.stream(http_client, call(server.url, system="Be brief.")):
            pass
    assert server.asked[-1].body["messages"] == [{"role": "user", "content": "Be brief.\n\nWhy?"}]


async def test_refused_parameter_is_left_out(http_client: httpx.AsyncClient) -> None:
    def refuses(body: dict[str, object]) -> dict[str, object] | None:
        error = {"message": "Unsupported parameter: 'top_k' is not supported with this model.", "param": "top_k"}
        return dict(error) if "top_k" in body else None

    async with serving(refusing(refuses, saying(piece("Yes.", finish="stop")))) as server:
        async for _ in openai_chat.stream(http_client, call(server.url, top_k=4, seed=1)):
            pass
    assert server.asked[-1].body["seed"] == 1


async def test_server_that_refuses_everything_is_left(http_client: httpx.AsyncClient) -> None:
    async with serving(refusing(lambda body: {"message": "Role, stream, no support"}, saying(b""))) as server:
        with pytest.raises(BadRequest):
            await anext(openai_chat.stream(http_client, call(server.url, system="Be brief.")))
    assert len(server.asked) <= http.MAX_ADAPTATIONS


def test_o1_gets_a_developer_message_and_its_own_limit() -> None:
    body = openai_chat.body(call("", "o1-2024-12-17", system="S", max_tokens=9, temperature=1, reasoning_effort="high"))
    assert body["messages"] == [{"role": "developer", "content": "S"}, {"role": "user", "content": "Why?"}]
    assert body["max_completion_tokens"] == 9
    assert body["reasoning_effort"] == "high"
    assert not {"temperature", "max_tokens"} & set(body)


@pytest.mark.parametrize("model", ["o1-mini", "o1-preview", "openai/o1-mini-2024-09-12"])
def test_first_reasoners_get_no_system_message_and_no_effort(model: str) -> None:
    body = openai_chat.body(call("", model, system="S", reasoning_effort="high"))
    assert body["messages"] == [{"role": "user", "content": "S\n\nWhy?"}]
    assert "reasoning_effort" not in body


@pytest.mark.parametrize("model", ["gpt-4o", "solo1", "foo1-mini", "proto-o1x", "qwq-32b"])
def test_others_keep_their_system_message_and_options(model: str) -> None:
    body = openai_chat.body(call("", model, system="S", temperature=1))
    assert body["messages"] == [{"role": "system", "content": "S"}, {"role": "user", "content": "Why?"}]
    assert body["temperature"] == 1


# --- The other protocols ----------------------------------------------------------------------------


async def test_ollama_request_and_response(http_client: httpx.AsyncClient) -> None:
    lines = [
        {"message": {"role": "assistant", "content": "", "thinking": "Hm."}, "done": False},
        {"message": {"role": "assistant", "content": "Yes."}, "done": False},
        {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 4, "eval_count": 6},
    ]
    data = "\n".join(map(json.dumps, lines)).encode()
    async with serving(saying(data)) as server:
        asked = call(server.url, "qwq:32b", num_ctx=16384, think=True, keep_alive="10m")
        deltas = [delta async for delta in ollama.stream(http_client, asked)]
    assert server.asked[0].path == "/api/chat"
    assert server.asked[0].body == {
        "model": "qwq:32b",
        "messages": [{"role": "user", "content": "Why?"}],
        "stream": True,
        "think": True,
        "keep_alive": "10m",
        "options": {"num_ctx": 16384},
    }
    finish = Finish(FinishReason.STOP, "Hm.", "Yes.", "Hm.Yes.")
    assert deltas == [ReasoningDelta("Hm."), AnswerDelta("Yes."), Usage(4, 6), finish]


async def test_ollama_without_thinking_is_asked_again_without_it(http_client: httpx.AsyncClient) -> None:
    def refuses(body: dict[str, object]) -> dict[str, object] | None:
        return {"message": '"x" does not support thinking'} if "think" in body else None

    async with serving(refusing(refuses, saying(b'{"message":{"content":"Yes."},"done":true}\n'))) as server:
        deltas = [delta async for delta in ollama.stream(http_client, call(server.url, think=True))]
    assert text_of(deltas) == ("", "Yes.")


async def test_ollama_that_ends_without_done_is_truncated(http_client: httpx.AsyncClient) -> None:
    error = await failure_of(http_client, saying(b'{"message":{"content":"A"}}\n{"mess'), stream=ollama.stream)
    assert isinstance(error, Truncated)


async def test_anthropic_request(http_client: httpx.AsyncClient) -> None:
    data = b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Yes."}}\n\nevent: ping\n'
    data += b'data: {"type":"ping"}\n\ndata: {"type":"message_delta","delta":{"stop_reason":"max_tokens"}}\n\n'
    data += b'data: {"type":"message_stop"}\n\n'
    async with serving(saying(data)) as server:
        asked = call(f"{server.url}/v1", "claude-haiku-4-5", system="Be brief.", max_tokens=100)
        deltas = [delta async for delta in anthropic.stream(http_client, asked)]
    assert server.asked[0].path == "/v1/messages"
    assert server.asked[0].headers["x-api-key"] == "sk-secret-1234"
    assert server.asked[0].headers["anthropic-version"] == "2023-06-01"
    assert server.asked[0].body == {
        "model": "claude-haiku-4-5",
        "messages": [{"role": "user", "content": "Why?"}],
        "system": "Be brief.",
        "stream": True,
        "max_tokens": 100,
    }
    assert deltas[-1] == Finish(FinishReason.LENGTH, "", "Yes.", "Yes.")


async def test_responses_ask_for_a_summary_and_go_without_if_refused(http_client: httpx.AsyncClient) -> None:
    def refuses(body: dict[str, object]) -> dict[str, object] | None:
        error = {"message": "Your organization must be verified to generate summaries.", "param": "reasoning.summary"}
        return dict(error) if "reasoning" in body else None

    data = event(type="response.output_text.delta", delta="Yes.")
    data += event(type="response.completed", response={"status": "completed", "usage": {"output_tokens": 3}})
    async with serving(refusing(refuses, saying(data))) as server:
        deltas = [
            delta async for delta in openai_responses.stream(http_client, call(server.url, "o1", system="Be brief."))
        ]
    assert server.asked[0].body["reasoning"] == {"summary": "auto"}
    assert server.asked[1].body["instructions"] == "Be brief."
    assert server.asked[1].body["store"] is False
    assert deltas == [AnswerDelta("Yes."), Usage(output_tokens=3), Finish(FinishReason.STOP, "", "Yes.", "Yes.")]


@pytest.mark.parametrize(
    ("last", "outcome"),
    [
        ({"type": "response.incomplete", "response": {"status": "incomplete"}}, FinishReason.LENGTH),
        ({"type": "response.failed", "response": {"status": "failed", "error": {"message": "x"}}}, ServerFailed),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "slow"}, RateLimited),
        ({"type": "error", "error": {"code": "rate_limit_exceeded", "message": "slow"}}, RateLimited),
    ],
)
async def test_responses_end_in_many_ways(
    http_client: httpx.AsyncClient, last: dict[str, object], outcome: FinishReason | type[ProviderError]
) -> None:
    data = event(type="response.output_text.delta", delta="Yes.") + event(**last)
    if isinstance(outcome, FinishReason):
        finish = (await all_of(http_client, saying(data), stream=openai_responses.stream))[-1]
        assert isinstance(finish, Finish)
        assert finish.reason == outcome
    else:
        assert type(await failure_of(http_client, saying(data), stream=openai_responses.stream)) is outcome


async def test_response_that_its_server_queues_says_so_until_it_is_in_progress(http_client: httpx.AsyncClient) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head()
        for kind in ("queued", "queued", "in_progress"):
            await connection.send(event(type=f"response.{kind}", response={"status": kind}))
            await asyncio.wait_for(told.acquire(), LIMIT_S)
        await connection.send(event(type="response.output_text.delta", delta="Yes.") + event(type="response.queued"))
        await connection.send(event(type="response.completed", response={"status": "completed"}))

    told = asyncio.Semaphore(1)  # the second of the queued ones tells nothing new
    deltas: list[Delta] = []
    async with asyncio.timeout(LIMIT_S), serving(answer) as server:
        async for delta in openai_responses.stream(http_client, call(server.url)):
            deltas.append(delta)
            told.release()
    assert deltas[:-1] == [Waiting(WaitReason.QUEUED), Waiting(None), AnswerDelta("Yes.")]


async def test_response_in_progress_from_the_beginning_has_nothing_to_say(http_client: httpx.AsyncClient) -> None:
    data = b"".join(event(type=f"response.{kind}") for kind in ("created", "in_progress"))
    data += event(type="response.output_text.delta", delta="Yes.") + event(type="response.completed", response={})
    deltas = await all_of(http_client, saying(data), stream=openai_responses.stream)
    assert [type(delta) for delta in deltas] == [AnswerDelta, Finish]


async def test_text_after_the_mark_is_shown_as_it_comes(http_client: httpx.AsyncClient) -> None:
    """Some gateways put the mark on every chunk."""
    seen = asyncio.Event()

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head()
        for text in "ABC":
            await connection.send(piece(text, finish="stop"))
            await seen.wait()
            seen.clear()

    deltas: list[Delta] = []
    async with asyncio.timeout(LIMIT_S), serving(answer) as server:
        async for delta in openai_chat.stream(http_client, call(server.url)):
            deltas.append(delta)
            seen.set()
    assert deltas == [*map(AnswerDelta, "ABC"), Finish(FinishReason.STOP, "", "ABC", "ABC")]


@pytest.mark.parametrize("stream", [ollama.stream, openai_chat.stream, openai_responses.stream, anthropic.stream])
async def test_connection_that_breaks_keeps_what_came_in_every_protocol(
    http_client: httpx.AsyncClient, stream: Stream
) -> None:
    said = {
        ollama.stream: b'{"message":{"content":"A"},"done":false}\n{"mess',
        openai_chat.stream: piece("A") + b'data: {"cho',
        openai_responses.stream: event(type="response.output_text.delta", delta="A") + b"event: resp",
        anthropic.stream: event(type="content_block_delta", delta={"text": "A"}) + b'data: {"ty',
    }

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head(Content_Length="10000")
        await connection.send(said[stream])

    deltas: list[Delta] = []
    async with asyncio.timeout(LIMIT_S), serving(answer) as server:
        with pytest.raises(Truncated):
            async for delta in stream(http_client, call(server.url)):
                deltas.append(delta)
    assert deltas == [AnswerDelta("A")]


@pytest.mark.parametrize("stream", [openai_chat.stream, openai_responses.stream, anthropic.stream])
async def test_refused_stream_is_asked_for_in_one_piece(http_client: httpx.AsyncClient, stream: Stream) -> None:
    whole = {
        openai_chat.stream: {"choices": [{"index": 0, "message": {"content": "Yes."}, "finish_reason": "stop"}]},
        openai_responses.stream: {
            "status": "completed",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": "Yes."}]}],
        },
        anthropic.stream: {
            "type": "message",
            "content": [{"type": "text", "text": "Yes."}],
            "stop_reason": "end_turn",
        },
    }

    def refuses(body: dict[str, object]) -> dict[str, object] | None:
        return {"message": "Streaming is not supported for this model."} if body["stream"] else None

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.reply(whole[stream])

    async with serving(refusing(refuses, answer)) as server:
        deltas = [delta async for delta in stream(http_client, call(server.url))]
    assert text_of(deltas) == ("", "Yes.")
    assert len(server.asked) == 2
