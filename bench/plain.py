"""What an answer costs at least: an aiohttp service of one constant text and one constant body.

`python -m bench.plain SIZE` prints its port and answers until its input ends.
"""

import asyncio
import sys

import uvloop
from aiohttp import web


async def _serve(size: int) -> None:
    body = b"x" * size

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def constant(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/hello", hello)
    app.router.add_get("/constant", constant)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
