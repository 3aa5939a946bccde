"""The forge as one ASGI app: who may talk to it at all, what is logged, and which part answers: git, the API, pages."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from oneshot_dagster.local.forge import binding, hooks, log, page, page_apps
from oneshot_dagster.local.forge.asked import Asked, ask, deliver
from oneshot_dagster.local.forge.auth import caller
from oneshot_dagster.local.forge.faults import AFTER, READ_OTHERWISE, Fault, Kind, reply_of
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.front import Front, Withheld, until_gone
from oneshot_dagster.local.forge.smart_http import SmartHttp


class App:
    """Everything enters here; the web framework only sees what is neither git nor refused."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._git = SmartHttp(forge)
        routes = [*binding.routes(forge), *page.routes(forge)]
        self._web = Starlette(routes=routes, lifespan=_lifespan(forge))
        self._front = Front(forge, self._web)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._web(scope, receive, send)
            return
        came = datetime.now(UTC)
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        scope["forge.user"] = caller(self._forge.world, authorization)
        hooks.acting.set(scope["forge.user"].login if scope["forge.user"] else None)
        asked = await ask(scope, receive, scope["forge.user"])
        fault = self._forge.faults.hit(asked)
        seen = _Seen(send)
        try:
            await self._answer(asked, fault, scope, receive, seen)
        finally:
            self._note(asked, fault, seen.status, came)

    async def _answer(self, asked: Asked, fault: Fault | None, scope: Scope, receive: Receive, send: "_Seen") -> None:
        foreign_forms = page_apps.takes_foreign_forms(asked.path)
        if not _is_local(asked.headers, self._forge.config.port, any_origin=foreign_forms):
            await _foreign()(scope, receive, send)
        elif forbidden := log.file_list_asked(asked.path, asked.headers.get("accept", "")):
            refused = binding.files_refused(self._forge, forbidden, asked.method, asked.path, asked.user)
            await refused(scope, receive, send)
        elif fault is not None and fault.kind is Kind.HANG:
            await until_gone(receive)
        elif asked.is_api:
            await self._front.serve(asked, scope, send, fault)
        elif self._git.takes(asked.path):
            await self._serve_git(asked, fault, scope, receive, send)
        else:
            await self._web(scope, receive, send)

    async def _serve_git(
        self, asked: Asked, fault: Fault | None, scope: Scope, receive: Receive, send: "_Seen"
    ) -> None:
        if fault is None or fault.kind in READ_OTHERWISE:
            await self._git(scope, receive, send, asked.user)
            return
        if fault.kind in AFTER:
            cut = fault.kind is Kind.CUT_AFTER
            await self._git(scope, receive, Withheld(send, show_start=cut), asked.user)
            if cut:
                return  # an answer that was begun and never ended: the server closes the connection
        await deliver(reply_of(fault, asked), send)

    def _note(self, asked: Asked, fault: Fault | None, status: int, came: datetime) -> None:
        self._forge.log.add(
            log.Request(
                id=asked.id,
                method=asked.method,
                path=asked.path,
                query=asked.query,
                login=asked.login,
                status=status,
                at=came.isoformat(timespec="microseconds"),
                graphql=asked.graphql,
                fault=fault.kind if fault else None,
            )
        )


def _foreign() -> Response:
    return binding.plain(403, "this forge answers its own pages and loopback addresses only")


class _Seen:
    """Remembers the status that went out; 499 where none did."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 499

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _is_local(headers: Mapping[str, str], port: int, *, any_origin: bool) -> bool:
    """Against pages of other sites: a name that was bound to 127.0.0.1, and forms sent from elsewhere."""
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    origin = headers.get("origin")
    return headers.get("host") in hosts and (any_origin or origin is None or origin.removeprefix("http://") in hosts)


def _lifespan(forge: Forge) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        await run_in_threadpool(forge.ci.stop)

    return lifespan
