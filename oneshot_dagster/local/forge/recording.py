"""Writes each exchange of the API as a line of JSON, so that tests can hold it against GitHub's description.
On where `exchanges.jsonl` is in the forge's home when it starts. No authorization header, no value of a secret field."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FILE = "exchanges.jsonl"
_SECRET = re.compile(r'("(?:token|pem|client_secret|webhook_secret|secret)"\s*:\s*)"(?:[^"\\]|\\.)+"')
_ASKED = {"accept", "content-type", "if-none-match", "user-agent", "x-github-api-version"}
_ANSWERED = {"content-type", "etag", "link", "location", "retry-after"}


def recorded(app: ASGIApp, home: Path) -> ASGIApp:
    return _Recording(app, home / FILE) if (home / FILE).exists() else app


class _Recording:
    def __init__(self, app: ASGIApp, file: Path) -> None:
        self._app, self._file = app, file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not str(scope["path"]).startswith("/api/"):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            line = json.dumps(exchange.record(scope)) + "\n"
            with self._file.open("ab", buffering=0) as out:  # one write: a kill leaves a line whole or not there
                out.write(line.encode())


class _Exchange:
    """Overhears one request and its answer; `status` None where no whole answer came."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._asked, self._said = b"", b""
        self._status: int | None = None
        self._whole = False
        self._headers: Mapping[str, str] = {}

    async def receive(self) -> Message:
        message = await self._receive()
        self._asked += message.get("body", b"") if message["type"] == "http.request" else b""
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], _some(message.get("headers", ()), _ANSWERED)
        elif message["type"] == "http.response.body":
            self._said += message.get("body", b"")
            self._whole = not message.get("more_body", False)
        await self._send(message)

    def record(self, scope: Scope) -> dict[str, object]:
        raw: bytes = scope.get("raw_path") or str(scope["path"]).encode()
        query: bytes = scope.get("query_string", b"")
        return {
            "method": scope["method"],
            "path": raw.decode("latin-1"),
            "query": query.decode("latin-1"),
            "headers": _some(scope["headers"], _ASKED),
            "body": _text(self._asked),
            "status": self._status if self._whole else None,
            "answer_headers": self._headers,
            "answer": _text(self._said),
        }


def _some(headers: object, names: set[str]) -> dict[str, str]:
    pairs = cast("list[tuple[bytes, bytes]]", headers)
    return {n.decode("latin-1"): v.decode("latin-1") for n, v in pairs if n.decode("latin-1").lower() in names}


def _text(content: bytes) -> str:
    return _SECRET.sub(r'\1"left out"', content.decode(errors="replace"))
