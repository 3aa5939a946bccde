"""The forge as one ASGI app: who may talk to it at all, what is logged, and which part answers: git, the API, pages."""

import contextlib
from collections.abc import AsyncGenerator, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from oneshot_dagster.local.forge import binding, log, page
from oneshot_dagster.local.forge.auth import caller
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.records import User
from oneshot_dagster.local.forge.smart_http import SmartHttp
from oneshot_dagster.local.forge.world import now


class App:
    """Everything enters here; the web framework only sees what is neither git nor refused."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._git = SmartHttp(forge)
        routes = [*binding.routes(forge), *page.routes(forge)]
        self._web = Starlette(routes=routes, lifespan=_lifespan(forge))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._web(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        user = caller(self._forge.world, headers.get("authorization", ""))
        scope["forge.user"] = user
        seen = _Seen(send)
        try:
            await self._answer(scope, headers, user, receive, seen)
        finally:
            self._note(scope, seen.status)

    async def _answer(
        self, scope: Scope, headers: dict[str, str], user: User | None, receive: Receive, send: "_Seen"
    ) -> None:
        path: str = scope["path"]
        if not _is_local(headers, self._forge.config.port):
            await binding.plain(403, "this forge answers its own pages and loopback addresses only")(
                scope, receive, send
            )
        elif asked := log.file_list_asked(path, headers.get("accept", "")):
            await self._refuse_files(asked, scope, user)(scope, receive, send)
        elif self._git.takes(path):
            await self._git(scope, receive, send, user)
        else:
            await self._web(scope, receive, send)

    def _refuse_files(self, asked: str, scope: Scope, user: User | None) -> Response:
        return binding.files_refused(self._forge, asked, str(scope["method"]), str(scope["path"]), user)

    def _note(self, scope: Scope, status: int) -> None:
        user: User | None = scope["forge.user"]
        query: bytes = scope.get("query_string", b"")
        self._forge.log.add(
            log.Request(
                method=scope["method"],
                path=scope["path"],
                query=query.decode("latin-1"),
                login=user.login if user else None,
                status=status,
                at=now(),
                graphql=scope.get("forge.graphql"),
            )
        )


class _Seen:
    """Remembers the status that went out; 499 where none did."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 499

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _is_local(headers: dict[str, str], port: int) -> bool:
    """Against pages of other sites: a name that was bound to 127.0.0.1, and forms sent from elsewhere."""
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    origin = headers.get("origin")
    return headers.get("host") in hosts and (origin is None or origin.removeprefix("http://") in hosts)


def _lifespan(forge: Forge) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        await run_in_threadpool(forge.ci.stop)

    return lifespan
