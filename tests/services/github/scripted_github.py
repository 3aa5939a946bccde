"""A scripted HTTP server on a real socket: each path answers what the test put there, in order, the last one for ever."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Scripted:
    """What to answer. `cut` closes the connection without a word; `hang` says nothing until the test ends."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Script:
    def __init__(self) -> None:
        self.received: list[Received] = []
        self.over = threading.Event()
        self._answers: dict[tuple[str, str], list[Scripted]] = {}

    def on(self, method: str, path: str, *answers: Scripted) -> None:
        self._answers[method, path] = list(answers)

    def take(self, method: str, path: str) -> Scripted:
        waiting = self._answers.get((method, path), [Scripted(404, {"message": "Not Found"})])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def sent(self, method: str, path: str) -> list[Received]:
        return [r for r in self.received if (r.method, r.path) == (method, path)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    script: Script

    def _serve(self) -> None:
        url = urlsplit(self.path)
        size = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.script.received.append(Received(self.command, url.path, query, headers, body))
        self._answer(self.script.take(self.command, url.path))

    def _answer(self, scripted: Scripted) -> None:
        if scripted.hang:
            self.script.over.wait(30)
        if scripted.cut or scripted.hang:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        content = scripted.body if isinstance(scripted.body, bytes) else json.dumps(scripted.body).encode()
        self.send_response(scripted.status)
        for name, value in {"Content-Length": str(len(content)), **scripted.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 (the names that http.server calls)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(script: Script) -> Iterator[str]:
    handler = type("Handler", (_Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        script.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
