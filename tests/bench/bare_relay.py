"""The floor: a Python relay that does nothing but pass each token on. No queue, no log, no database, no resume."""

import asyncio
import json
import sys

import aiohttp
import uvloop
from aiohttp import web


async def relay(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    streams = range(int(request.query["streams"]))
    await asyncio.gather(*(_pass_on(request, socket, str(slot)) for slot in streams))
    await socket.close()
    return socket


async def _pass_on(request: web.Request, socket: web.WebSocketResponse, slot: str) -> None:
    app, query = request.app, request.query
    body = {"model": query["model"], "stream": True, "messages": [{"role": "user", "content": query["key"]}]}
    async with app["session"].post(f"{app['simulator']}/v1/chat/completions", json=body) as answer:
        async for line in answer.content:
            if line.startswith(b"data: {"):
                for choice in json.loads(line[6:])["choices"]:
                    text = choice["delta"].get("reasoning_content") or choice["delta"].get("content")
                    if text:
                        await socket.send_str(json.dumps([slot, text]))


async def _ready(request: web.Request) -> web.Response:
    return web.Response(text="ready")


async def main(host: str, port: int, simulator: str) -> None:
    app = web.Application()
    app["simulator"] = simulator
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        app["session"] = session
        app.add_routes([web.get("/", relay), web.get("/ready", _ready)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
