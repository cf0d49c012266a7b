"""The arena's side of a bench on two machines: runs an arena and a bare relay, and tells what they cost.

    python -m tests.bench.host --address 10.0.0.1 --load-at http://10.0.0.2:9200

Then, on 10.0.0.2: `python -m tests.bench --arena-at http://10.0.0.1:9100 --simulator-port 9200`.
"""

import argparse
import asyncio
import signal
from dataclasses import asdict
from urllib.parse import urlsplit

from aiohttp import web

from tests.bench.rig import EVERYWHERE, Options, Rig, System
from tests.bench.rows import tell

PORT = 9100


async def serve(systems: dict[str, System], address: str, port: int) -> None:
    """Until Ctrl-C or SIGTERM."""
    is_over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, is_over.set)

    async def tell_addresses(request: web.Request) -> web.Response:
        ports = {kind: urlsplit(system.address).port for kind, system in systems.items()}
        return web.json_response({kind: f"http://{address}:{port}" for kind, port in ports.items()})

    async def tell_costs(request: web.Request) -> web.Response:
        system = systems.get(request.match_info["kind"])
        if system is None:
            raise web.HTTPNotFound
        return web.json_response({role: asdict(cost) for role, cost in system.costs().items()})

    app = web.Application()
    app.add_routes([web.get("/", tell_addresses), web.get("/costs/{kind}", tell_costs)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, EVERYWHERE, port).start()
    tell(f"Ready. On the other machine: --arena-at http://{address}:{port}\n")
    await is_over.wait()
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.host", description=__doc__)
    parser.add_argument("--address", required=True, help="of this machine, as the other one reaches it")
    parser.add_argument("--load-at", required=True, metavar="URL", help="where the other one will run the simulator")
    parser.add_argument("--port", type=int, default=PORT, help="to tell costs at (%(default)s)")
    parser.add_argument("--postgres", action="store_true", help="with a PostgreSQL made for the run, instead of SQLite")
    options = parser.parse_args()
    where = Options(on_postgres=options.postgres, host=EVERYWHERE, load_at=options.load_at.rstrip("/"))
    with Rig(where) as rig, rig.arena("main") as arena:
        asyncio.run(serve({"relay": rig.relay, "arena": arena}, options.address, options.port))


if __name__ == "__main__":
    main()
