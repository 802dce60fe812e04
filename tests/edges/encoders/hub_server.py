"""A real HTTP server on loopback that serves one commit of one model as the Hugging Face hub does."""

import asyncio
import hashlib
import threading
from pathlib import Path
from types import TracebackType

from aiohttp import web


class HubServer:
    """Serves the files of a folder; remembers the paths asked for."""

    def __init__(self, folder: Path, repository: str, revision: str) -> None:
        self.asked: list[str] = []
        self._folder, self._repository, self._revision = folder, repository, revision
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "HubServer":
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
        app = web.Application()
        model = f"/api/models/{self._repository}"
        app.router.add_get(f"{model}/revision/{self._revision}", self._info)
        app.router.add_get(f"{model}/tree/{self._revision}", self._tree)
        app.router.add_get(f"/{self._repository}/resolve/{self._revision}/{{name:.*}}", self._file)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def _names(self) -> list[str]:
        return [
            path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file()
        ]

    async def _info(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        siblings = [{"rfilename": name} for name in self._names()]
        return web.json_response({"id": self._repository, "sha": self._revision, "siblings": siblings})

    async def _tree(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        files = [
            {"type": "file", "path": name, "size": (self._folder / name).stat().st_size, "oid": "a" * 40}
            for name in self._names()
        ]
        return web.json_response(files)

    async def _file(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        content = (self._folder / request.match_info["name"]).read_bytes()
        tag = hashlib.sha256(content).hexdigest()
        return web.Response(body=content, headers={"ETag": f'"{tag}"', "X-Repo-Commit": self._revision})
