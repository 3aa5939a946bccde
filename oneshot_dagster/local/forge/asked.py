"""One HTTP request as it came in and one reply as it goes out, whole: what faults, limits, ETags and the log speak of.
git's requests and pages are streamed; of them only the head is here."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope, Send

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.records import User

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
GRAPHQL = "/api/graphql"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Header names are lower case. `body` is read only where `is_api`; `graphql` is the text of the query."""

    id: str
    method: str
    path: str
    query: str
    user: User | None
    headers: Mapping[str, str]
    body: bytes = b""
    graphql: str | None = None

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def login(self) -> str | None:
        return self.user.login if self.user else None

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/")

    @property
    def reads(self) -> bool:
        """Whether nothing is changed by it."""
        return self.method == "GET" or (self.graphql is not None and not self.graphql.lstrip().startswith("mutation"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(scope: Scope, receive: Receive, user: User | None) -> Asked:
    """Reads the body of an API request; who goes on with `receive` must not expect it there."""
    path: str = scope["path"]
    body = await _whole(receive) if path.startswith("/api/") else b""
    query: bytes = scope.get("query_string", b"")
    return Asked(
        id=request_id(),
        method=scope["method"],
        path=path,
        query=query.decode("latin-1"),
        user=user,
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        graphql=_graphql(body) if path == GRAPHQL else None,
    )


def request_id() -> str:
    """In the form of GitHub's: five groups of hexadecimal digits."""
    return ":".join(secrets.token_hex(n).upper() for n in (2, 3, 4, 4, 4))


def json_reply(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    content = json.dumps(body, ensure_ascii=False).encode()
    return Reply(
        status=status, headers={"content-type": "application/json; charset=utf-8", **(headers or {})}, body=content
    )


async def captured(app: AsgiApp, scope: Scope, body: bytes) -> Reply:
    """What the app answers, kept back."""
    status, headers, content = 500, dict[str, str](), bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.update({name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]})
        else:
            content.extend(message.get("body", b""))

    await app(scope, receive, send)
    return Reply(status=status, headers=headers, body=bytes(content))


async def deliver(reply: Reply, send: Send) -> None:
    await _start(reply, send, length=len(reply.body))
    await send({"type": "http.response.body", "body": reply.body})


async def deliver_cut(reply: Reply, send: Send) -> None:
    """Promises more than it sends: the server then closes the connection."""
    await _start(reply, send, length=len(reply.body) + 1)
    await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})


async def _start(reply: Reply, send: Send, *, length: int) -> None:
    bodiless = reply.status in {204, 304} and length == 0
    headers = {name: value for name, value in reply.headers.items() if name != "content-length"}
    shown = headers if bodiless else {**headers, "content-length": str(length)}
    status = 200 if reply.status in {204, 304} and length else reply.status
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in shown.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def _whole(receive: Receive) -> bytes:
    content = bytearray()
    while True:
        message = await receive()
        content.extend(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(content)


def _graphql(body: bytes) -> str | None:
    try:
        fields = untyped.mapping(json.loads(body)) or {}
    except ValueError:
        return None
    query = fields.get("query")
    return query if isinstance(query, str) else None
