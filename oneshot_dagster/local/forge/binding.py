"""Binds endpoints to HTTP: a request becomes a Call for a handler, an Answer becomes JSON. REST is the list of GitHub's parts.
What stands before GitHub's API (limits, versions, ETags) is front.py."""

import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oneshot_dagster.local.forge import graph, permissions, untyped
from oneshot_dagster.local.forge.apps import SUSPENDED, is_suspended
from oneshot_dagster.local.forge.auth import admitted
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.records import User
from oneshot_dagster.local.forge.rest import (
    actions,
    app_controls,
    apps,
    checks,
    collaborators,
    comments,
    controls,
    deployments,
    fault_controls,
    hook_controls,
    hooks,
    issues,
    merge_async,
    merge_controls,
    protection,
    pulls,
    rate_limit,
    repositories,
    reviews,
    rules,
)

REST = (
    protection,
    repositories,
    collaborators,
    rules,
    merge_async,
    comments,
    issues,
    reviews,
    pulls,
    checks,
    actions,
    deployments,
    rate_limit,
    apps,
    hooks,
)
CONTROLS = (controls, merge_controls, fault_controls, app_controls, hook_controls)
_LOG = logging.getLogger(__name__)
_NO_FILES = "this forge never answers for {}: file lists and patches come from git; recorded in /_forge/violations"


def routes(forge: Forge) -> list[Route]:
    """Everything that answers in JSON."""
    rest = [_route(forge, e, "/api/v3" + e.pattern) for module in REST for e in module.ENDPOINTS]
    own = [_route(forge, e, e.pattern) for module in CONTROLS for e in module.ENDPOINTS]
    graphql = Route("/api/graphql", _graphql(forge), methods=["POST"])
    unknown = Route("/api/{rest:path}", _unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    return [*rest, graphql, *own, unknown, *actions.routes(forge)]


def plain(status: int, message: str) -> Response:
    return JSONResponse({"message": message, "status": str(status)}, status)


def files_refused(forge: Forge, asked: str, method: str, target: str, user: User | None) -> Response:
    login = user.login if user else None
    controls.record_violation(forge, method=method, target=target, login=login, reason=asked)
    return plain(418, _NO_FILES.format(asked))


def _route(forge: Forge, endpoint: Endpoint, pattern: str) -> Route:
    async def answer(request: Request) -> Response:
        raw = await request.body()
        done = await run_in_threadpool(_handled, forge, endpoint, request, raw)
        body = b"" if done.body is None else json.dumps(done.body, ensure_ascii=False).encode()
        kind = {"content-type": "application/json; charset=utf-8"} if body else {}
        token = permissions.headers(request.scope["forge.user"], permissions.key(endpoint.method, endpoint.pattern))
        return Response(body, done.status, {**kind, **token, **done.headers})

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
    path = {name: str(value) for name, value in request.path_params.items()}
    authorization = request.headers.get("authorization", "")
    let_in = admitted(forge.world, endpoint, path, request.scope["forge.user"], authorization)
    return Call(
        forge=forge,
        user=let_in.user,
        app=let_in.app,
        place=let_in.place,
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
            return plain(401, "Bad credentials")
        if is_suspended(forge.world, user):
            return plain(403, SUSPENDED)
        body = _body(await request.body())
        query, variables = body.get("query"), body.get("variables")
        if not isinstance(query, str):
            return plain(400, "A query attribute must be specified and must be a string.")
        if graph.asks_for_files(query):
            return files_refused(forge, "files through GraphQL", "POST", request.url.path, user)
        question = graph.Question(query=query, variables=untyped.mapping(variables), user=user)
        return JSONResponse(await run_in_threadpool(graph.answer, forge, question))

    return answer


async def _unknown(request: Request) -> Response:
    user: User | None = request.scope["forge.user"]
    if user is None:
        return plain(401, "Requires authentication")
    return plain(404, f"Not Found (this forge does not imitate {request.method} {request.url.path})")
