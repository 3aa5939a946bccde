"""The port that GitHub reaches: /webhooks/github and /healthz, and nothing else.
A delivery is checked, stored and answered; what it means is found out later, by the projection."""

import logging
from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from oneshot_dagster.domain.errors import BadInput, TryAgain
from oneshot_dagster.domain.webhook import Unreadable, is_signed, read_event
from oneshot_dagster.web.keeping import Keeping

LARGEST_BODY = 25 * 2**20  # GitHub sends no larger payload
_LOG = logging.getLogger(__name__)


class _TooLarge(Exception):
    pass


def hooks_app(*, keep: Callable[..., object], secret: Callable[[], bytes]) -> FastAPI:
    """`keep` commits the events that it is given before it returns. Answers tell a stranger nothing but the status."""
    keeping = Keeping(keep)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> Response:  # pyright: ignore[reportUnusedFunction]
        return Response("ok\n", media_type="text/plain")

    @app.post("/webhooks/github")
    async def github(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        return Response(status_code=await _status(request, keeping, secret))

    return app


async def _status(request: Request, keeping: Keeping, secret: Callable[[], bytes]) -> int:
    try:
        body = await _body(request)
    except _TooLarge:
        return 413
    except ClientDisconnect:
        return 400
    headers = request.headers
    try:
        if not is_signed(secret(), body, headers.get("x-hub-signature-256", "")):
            return 401
        event = read_event(
            delivery_id=headers.get("x-github-delivery", ""), event_type=headers.get("x-github-event", ""), body=body
        )
        await keeping.kept(event)
    except Unreadable:
        return 400
    except (TryAgain, BadInput) as error:
        # GitHub shows the delivery as failed; the reconciler, which needs no delivery, goes on.
        _LOG.warning("a delivery was not stored: %s", error)
        return 503
    return 202


async def _body(request: Request) -> bytes:
    said = request.headers.get("content-length", "0")
    if not said.isdigit() or int(said) > LARGEST_BODY:
        raise _TooLarge
    chunks, size = list[bytes](), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise _TooLarge
        chunks.append(chunk)
    return b"".join(chunks)
