"""The official client pulls models that are only simulated."""

from collections.abc import AsyncIterator

import httpx
import ollama
import pytest

from arena.contestants.simulator.generation import Message
from arena.contestants.simulator.server import Simulator

ASK: list[Message] = [{"role": "user", "content": "Go."}]
MODEL = "marco-o1:7b"
SIZE = 4_700_000_000


@pytest.fixture
async def official(simulator: Simulator) -> AsyncIterator[ollama.AsyncClient]:
    opened = ollama.AsyncClient(host=simulator.url, trust_env=False)
    yield opened
    await opened.close()


async def names(official: ollama.AsyncClient) -> list[str | None]:
    return [model.model for model in (await official.list()).models]


async def test_model_is_there_once_it_is_pulled(official: ollama.AsyncClient, client: httpx.AsyncClient) -> None:
    with pytest.raises(ollama.ResponseError, match="not found"):
        await official.chat(MODEL, ASK)
    assert MODEL not in await names(official)
    assert MODEL not in (await client.get("/v1/models")).text
    steps = [step async for step in await official.pull(MODEL, stream=True)]
    assert (steps[0].status, steps[-1].status) == ("pulling manifest", "success")
    assert MODEL in await names(official)
    assert MODEL in (await client.get("/v1/models")).text
    assert (await official.chat(MODEL, ASK)).message.content == "t0 t1 t2 "


async def test_progress_adds_up_to_the_size(official: ollama.AsyncClient) -> None:
    steps = [step async for step in await official.pull(MODEL, stream=True)]
    layers = {step.digest: step.total for step in steps if step.digest}
    assert len(layers) == 5
    assert sum(total or 0 for total in layers.values()) == SIZE
    weights = [step for step in steps if step.total == max(total or 0 for total in layers.values())]
    completed = [step.completed or 0 for step in weights]
    assert len(completed) > 4
    assert completed == sorted(completed)
    assert completed[-1] == weights[0].total
    assert weights[0].digest and weights[0].status == f"pulling {weights[0].digest.removeprefix('sha256:')[:12]}"
    assert [step.status for step in steps[-3:]] == ["verifying sha256 digest", "writing manifest", "success"]


async def test_model_that_is_there_is_pulled_in_no_time(official: ollama.AsyncClient) -> None:
    steps = [step async for step in await official.pull("sim-terse", stream=True)]
    assert [step.completed for step in steps if step.digest] == [step.total for step in steps if step.digest]


async def test_pull_in_one_piece_says_success(official: ollama.AsyncClient) -> None:
    assert (await official.pull(MODEL)).status == "success"
    assert MODEL in await names(official)


async def test_unknown_model_is_an_error_inside_200(official: ollama.AsyncClient, client: httpx.AsyncClient) -> None:
    page = await client.post("/api/pull", json={"model": "nobody"})
    assert page.status_code == 200
    assert page.content.splitlines()[-1] == b'{"error":"pull model manifest: file does not exist"}'
    with pytest.raises(ollama.ResponseError, match="file does not exist") as refusal:
        await official.pull("nobody")
    assert refusal.value.status_code == 500


async def test_client_that_leaves_stops_the_pull_and_the_next_goes_on(
    official: ollama.AsyncClient, client: httpx.AsyncClient
) -> None:
    slow = f"{MODEL}?pull-time=30"
    async with client.stream("POST", "/api/pull", json={"model": slow}) as page:
        async for line in page.aiter_lines():
            if '"completed"' in line:
                break
    assert MODEL not in await names(official)
    steps = [step async for step in await official.pull(MODEL, stream=True)]
    assert next(step.completed for step in steps if step.digest)
    assert MODEL in await names(official)


@pytest.mark.parametrize("fault", ["error-mid-stream", "cut"])
async def test_pull_can_break_off(official: ollama.AsyncClient, fault: str) -> None:
    with pytest.raises((ollama.ResponseError, httpx.RemoteProtocolError)):
        [step async for step in await official.pull(f"{MODEL}?fault={fault}", stream=True)]
    assert MODEL not in await names(official)


async def test_what_was_pulled_can_be_deleted(official: ollama.AsyncClient) -> None:
    await official.pull(MODEL)
    await official.delete(MODEL)
    assert MODEL not in await names(official)
    with pytest.raises(ollama.ResponseError, match="not found"):
        await official.delete("sim-terse")


async def test_size_is_listed(official: ollama.AsyncClient) -> None:
    await official.pull(MODEL)
    assert [model.size for model in (await official.list()).models if model.model == MODEL] == [SIZE]
