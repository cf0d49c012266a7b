"""The simulated model servers in a process of their own, which also tells how late they were with what was due."""

import asyncio
import json
import sys

import uvloop
from aiohttp import web

from arena.contestants.simulator.server import start_simulator
from tests.bench.lag import Lag


async def main(host: str, port: int, lag_port: int) -> None:
    async with Lag() as lag, await start_simulator(host, port):

        async def tell(request: web.Request) -> web.Response:
            """Since the last time that somebody asked."""
            late_s = lag.percentile_s(99)
            lag.forget()
            return web.Response(text=json.dumps({"late_p99_s": late_s}))

        app = web.Application()
        app.add_routes([web.get("/", tell)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", lag_port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
