"""The forge as one ASGI app: who may talk to it at all, what is logged, and which part answers: git, REST, GraphQL, pages."""

import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from oneshot_dagster.local.forge import graph, log, page, untyped
from oneshot_dagster.local.forge.auth import caller, may
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.records import User
from oneshot_dagster.local.forge.rest import (
    checks,
    comments,
    controls,
    deployments,
    issues,
    pulls,
    repositories,
    reviews,
)
from oneshot_dagster.local.forge.smart_http import SmartHttp
from oneshot_dagster.local.forge.world import now

_REST = (repositories, comments, issues, reviews, pulls, checks, deployments)
_LOG = logging.getLogger(__name__)
_HEADERS = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999", "x-ratelimit-used": "1"}
_NO_FILES = "this forge never answers for {}: file lists and patches come from git; recorded in /_forge/violations"


class App:
    """Everything enters here; the web framework only sees what is neither git nor refused."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._git = SmartHttp(forge)
        rest = [_route(forge, e, "/api/v3" + e.pattern) for module in _REST for e in module.ENDPOINTS]
        own = [_route(forge, e, e.pattern) for e in controls.ENDPOINTS]
        graphql = Route("/api/graphql", _graphql(forge), methods=["POST"])
        unknown = Route("/api/{rest:path}", _unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        self._web = Starlette(routes=[*rest, graphql, *own, unknown, *page.routes(forge)], lifespan=_lifespan(forge))

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
            await _plain(403, "this forge answers its own pages and loopback addresses only")(scope, receive, send)
        elif asked := log.file_list_asked(path, headers.get("accept", "")):
            await self._refuse_files(asked, scope, user)(scope, receive, send)
        elif self._git.takes(path):
            await self._git(scope, receive, send, user)
        else:
            await self._web(scope, receive, send)

    def _refuse_files(self, asked: str, scope: Scope, user: User | None) -> Response:
        return _files_refused(self._forge, asked, str(scope["method"]), str(scope["path"]), user)

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


def _plain(status: int, message: str) -> Response:
    return JSONResponse({"message": message, "status": str(status)}, status)


def _files_refused(forge: Forge, asked: str, method: str, target: str, user: User | None) -> Response:
    login = user.login if user else None
    controls.record_violation(forge, method=method, target=target, login=login, reason=asked)
    return _plain(418, _NO_FILES.format(asked))


def _lifespan(forge: Forge) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        await run_in_threadpool(forge.ci.stop)

    return lifespan


def _route(forge: Forge, endpoint: Endpoint, pattern: str) -> Route:
    async def answer(request: Request) -> Response:
        raw = await request.body()
        done = await run_in_threadpool(_handled, forge, endpoint, request, raw)
        body = b"" if done.body is None else json.dumps(done.body, ensure_ascii=False).encode()
        kind = {"content-type": "application/json; charset=utf-8"} if body else {}
        return Response(body, done.status, {**_HEADERS, **kind, **done.headers})

    return Route(pattern, answer, methods=[endpoint.method])


def _handled(forge: Forge, endpoint: Endpoint, request: Request, raw: bytes) -> Answer:
    try:
        call = _call(forge, endpoint, request, raw)
        if endpoint.method == "GET":
            return endpoint.handler(call)
        with forge.writing, forge.world.change() if endpoint.atomic else contextlib.nullcontext():
            return endpoint.handler(call)
    except Refusal as refusal:
        return Answer(status=refusal.status, body=refusal.body())
    except Exception:  # noqa: BLE001 - one broken answer must not end the forge
        _LOG.exception("%s %s", request.method, request.url.path)
        return Answer(status=500, body={"message": "the forge failed; see its log"})


def _call(forge: Forge, endpoint: Endpoint, request: Request, raw: bytes) -> Call:
    user: User | None = request.scope["forge.user"]
    if user is None:
        known = "authorization" in request.headers
        raise Refusal(401, "Bad credentials" if known else "Requires authentication")
    path = {name: str(value) for name, value in request.path_params.items()}
    repository = None
    if endpoint.needs:
        repository = forge.world.repository(path["owner"], path["repo"])
        if repository is None or not may(repository, user.login, "read"):
            raise Refusal(404, "Not Found")
        if not may(repository, user.login, endpoint.needs):
            raise Refusal(403, "Resource not accessible by personal access token")
    return Call(
        forge=forge,
        user=user,
        place=repository,
        target=unquote(request.url.path),
        path=path,
        query=dict(request.query_params),
        body=_body(raw),
    )


def _body(raw: bytes) -> dict[str, object]:
    try:
        body: object = json.loads(raw) if raw else {}
    except ValueError as e:
        raise Refusal(400, "Problems parsing JSON") from e
    if untyped.sequence(body) is not None:  # labels may be sent bare
        return {"labels": body}
    fields = untyped.mapping(body)
    if fields is None:
        raise Refusal(400, "Body should be a JSON object")
    return fields


def _graphql(forge: Forge) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        user: User | None = request.scope["forge.user"]
        if user is None:
            return _plain(401, "Bad credentials")
        body = _body(await request.body())
        query, variables = body.get("query"), body.get("variables")
        if not isinstance(query, str):
            return _plain(400, "A query attribute must be specified and must be a string.")
        request.scope["forge.graphql"] = query
        if graph.asks_for_files(query):
            return _files_refused(forge, "files through GraphQL", "POST", request.url.path, user)
        question = graph.Question(query=query, variables=untyped.mapping(variables), user=user)
        return JSONResponse(await run_in_threadpool(graph.answer, forge, question), headers=_HEADERS)

    return answer


async def _unknown(request: Request) -> Response:
    user: User | None = request.scope["forge.user"]
    if user is None:
        return _plain(401, "Requires authentication")
    return _plain(404, f"Not Found (this forge does not imitate {request.method} {request.url.path})")
