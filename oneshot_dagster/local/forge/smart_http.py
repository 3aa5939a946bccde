"""git over HTTP: raw ASGI around `git http-backend`, with the repository's permissions.
Raw, because a streaming response of the web framework would take the request's body away from git."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import cast

from oneshot_dagster.local.forge import push_hook
from oneshot_dagster.local.forge.apps import is_suspended
from oneshot_dagster.local.forge.auth import may, sees
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.guards import push_guards
from oneshot_dagster.local.forge.permissions import holds
from oneshot_dagster.local.forge.pushes import after_push
from oneshot_dagster.local.forge.records import Repository, User
from oneshot_dagster.system.process_stream import Flow, stream

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_PATH = re.compile(r"/([^/]+)/([^/]+)\.git/(info/refs|git-upload-pack|git-receive-pack)")
_AT_ONCE = 8
_TIMEOUT = 600.0
_PUSH = "git-receive-pack"
_KIND = {True: "a GitHub App", False: "a Personal Access Token"}


class SmartHttp:
    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @staticmethod
    def takes(path: str) -> bool:
        return ".git/" in path and not path.startswith("/api/")

    async def __call__(self, scope: Message, receive: Receive, send: Send, user: User | None) -> None:
        target = _PATH.fullmatch(str(scope["path"]))
        query = _text(scope.get("query_string"))
        service = target.group(3) if target else ""
        asked = query.removeprefix("service=") if service == "info/refs" else service
        if target is None or asked not in {"git-upload-pack", _PUSH}:
            await _say(send, 404, "Not Found")
            return
        if user is None:
            await _say(send, 401, "Authentication required", [(b"www-authenticate", b'Basic realm="forge"')])
            return
        repository = self._forge.world.repository(target.group(1), target.group(2))
        if repository is None or not sees(repository, user):
            await _say(send, 404, "Repository not found.")
            return
        if is_suspended(self._forge.world, user) or not holds(user, "contents=read"):
            await _say(send, 403, "Write access to repository not granted.")  # GitHub's words, for reading too
            return
        if asked == _PUSH and not (may(repository, user.login, "write") and holds(user, "contents=write")):
            await _say(send, 403, f"Permission to {repository.full_name}.git denied to {user.login}.")
            return
        env = self._environment(scope, repository, user, f"/{repository.full_name}.git/{service}")
        if asked == _PUSH and repository.archived:
            await _say(send, 403, "This repository was archived so it is read-only.")
            return
        async with self._slots:
            await self._serve(env, receive, send, (repository, user) if service == _PUSH else None)

    def _environment(self, scope: Message, repository: Repository, user: User, path: str) -> dict[str, str]:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in _headers(scope)}
        env = self._forge.repos.environment | {
            "GIT_PROJECT_ROOT": str(self._forge.repos.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "REMOTE_USER": user.login,
            "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_METHOD": str(scope["method"]),
            "QUERY_STRING": _text(scope.get("query_string")),
            "CONTENT_TYPE": headers.get("content-type", ""),
        }
        if path.endswith(_PUSH):
            env |= self._push_environment(repository, user)
        passed_on = {
            "CONTENT_LENGTH": "content-length",
            "HTTP_CONTENT_ENCODING": "content-encoding",
            "GIT_PROTOCOL": "git-protocol",
        }
        return env | {name: headers[header] for name, header in passed_on.items() if header in headers}

    def _push_environment(self, repository: Repository, user: User) -> dict[str, str]:
        """What stands before this person's push; whoever may pass it by, as who plants a repository must, is not asked."""
        return push_hook.environment(
            push_guards(self._forge.world, repository, user.login),
            push_hook.Push(
                pusher=user.login,
                default_branch=repository.default_branch,
                page=self._forge.urls.page(repository),
                no_workflows="" if holds(user, "workflows=write") else _KIND[user.installation > 0],
            ),
        )

    async def _serve(
        self, env: dict[str, str], receive: Receive, send: Send, push: tuple[Repository, User] | None
    ) -> None:
        root = self._forge.repos.root
        async with stream(("git", "http-backend"), cwd=root, env=env, timeout=_TIMEOUT) as flow:
            feeding = asyncio.create_task(_feed(flow, receive))
            try:
                status, headers, rest = await _head(flow)
                await send({"type": "http.response.start", "status": status, "headers": headers})
                last = rest
                while data := await flow.read():
                    await send({"type": "http.response.body", "body": last, "more_body": True})
                    last = data
                await flow.wait()
                if push:  # before the last byte: who has pushed sees pull requests and checks that know it
                    await asyncio.to_thread(after_push, self._forge, push[0], push[1].login)
                await send({"type": "http.response.body", "body": last})
            finally:
                feeding.cancel()


async def _feed(flow: Flow, receive: Receive) -> None:
    """Passes the body on; a client that went away ends the child."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            flow.kill()
            return
        body = message.get("body", b"")
        if body and not await flow.write(bytes(body) if isinstance(body, (bytes, bytearray)) else b""):
            return
        if not message.get("more_body"):
            flow.end_input()


async def _head(flow: Flow) -> tuple[int, Headers, bytes]:
    """The CGI answer's head, and what came with it of the body."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        data = await flow.read()
        if not data:
            return 500, [(b"content-type", b"text/plain")], bytes(flow.errors) or b"git http-backend said nothing\n"
        seen += data
    head, _, rest = seen.partition(b"\r\n\r\n")
    pairs = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")]
    headers: Headers = [(name.lower(), value) for name, value in pairs]
    status = next((int(value.split()[0]) for name, value in headers if name == b"status"), 200)
    return status, [(n, v) for n, v in headers if n != b"status"], rest


async def _say(send: Send, status: int, text: str, headers: Headers | None = None) -> None:
    body = text.encode() + b"\n"
    shown = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": shown})
    await send({"type": "http.response.body", "body": body})


def _headers(scope: Message) -> Headers:
    return list(cast("Iterable[tuple[bytes, bytes]]", scope.get("headers") or ()))


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else ""
