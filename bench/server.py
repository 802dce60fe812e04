"""A loopback server that answers every chat completion at once, or after a fixed time: the lightest peer there is.

Usage: python -m bench.server LATENCY_MS   (prints its port)
"""

import asyncio
import itertools
import json
import sys

from aiohttp import web

_NUMBERS = itertools.count()


def make_app(latency_ms: float) -> web.Application:
    """Return an OpenAI-compatible application that waits `latency_ms` before every answer."""

    async def complete(request: web.Request) -> web.Response:
        await request.read()
        if latency_ms:
            await asyncio.sleep(latency_ms / 1000)
        body = {
            "id": f"chatcmpl-{next(_NUMBERS)}",
            "object": "chat.completion",
            "created": 1,
            "model": "bench",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {
                        "role": "assistant",
                        "content": "The answer is forty-two, as it was yesterday.",
                    },
                }
            ],
            "usage": {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21},
        }
        return web.Response(body=json.dumps(body).encode(), content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    return app


async def main() -> None:
    """Serve until standard input closes, so that no server outlives its benchmark."""
    runner = web.AppRunner(make_app(float(sys.argv[1])), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    assert site._server is not None
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
