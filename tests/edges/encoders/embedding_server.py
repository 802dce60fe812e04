"""A real HTTP server on loopback that answers ``/v1/embeddings`` as OpenAI does, or wrongly on request."""

import asyncio
import json
import threading
from collections.abc import Callable
from types import TracebackType

from aiohttp import web

from harness.core.config import EncoderSpec
from harness.edges.encoders import hashed

Embedding = dict[str, object]
Spoil = Callable[[list[Embedding]], list[Embedding]]


class EmbeddingServer:
    """Answers with the vectors of the encoder `hashed`, twice as long, in reverse order; remembers bodies."""

    def __init__(self, *, status: int = 200, text: str | None = None, spoil: Spoil | None = None) -> None:
        self.bodies: list[dict[str, object]] = []
        self.keys: list[str] = []
        self._status, self._text, self._spoil = status, text, spoil
        self._encoder = hashed.build(EncoderSpec(), environment={})
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "EmbeddingServer":
        self._thread.start()
        self.base = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> str:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/embeddings", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        self.keys.append(request.headers.get("Authorization", ""))
        if self._text is not None or self._status != 200:
            return web.Response(status=self._status, text=self._text or "", content_type="application/json")
        texts = body["input"]
        if any(not text for text in texts):
            return web.json_response({"error": {"message": "input cannot be an empty string"}}, status=400)
        vectors = 2 * self._encoder.encode(texts)[:, : body.get("dimensions")]
        data: list[Embedding] = [
            {"object": "embedding", "index": place, "embedding": vector.tolist()}
            for place, vector in enumerate(vectors)
        ]
        data.reverse()
        if self._spoil is not None:
            data = self._spoil(data)
        answer = {
            "object": "list",
            "data": data,
            "model": body["model"],
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        }
        return web.Response(text=json.dumps(answer), content_type="application/json")
