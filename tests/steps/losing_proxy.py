"""A way to the forge that once loses a request, or the answer to it: what a cut connection looks like from here."""

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "host"}


@dataclass
class Losing:
    """`method` and the pattern `path` say which call; `lost` counts what was lost so far."""

    url: str
    method: str
    path: re.Pattern[str]
    what: Literal["request", "answer"]
    lost: int = 0
    seen: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def loses(self, method: str, path: str) -> bool:
        with self.lock:
            chosen = self.lost == 0 and method == self.method and bool(self.path.search(path))
            self.lost += chosen
            return chosen


@contextmanager
def losing(forge_url: str, *, method: str, path: str, what: Literal["request", "answer"]) -> Iterator[Losing]:
    host = forge_url.partition("://")[2]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            lost = state.loses(self.command, self.path)
            if lost and what == "request":
                self.close_connection = True
                return
            onward = http.client.HTTPConnection(host, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            onward.request(self.command, self.path, body or None, headers)
            answer = onward.getresponse()
            content = answer.read()
            onward.close()
            if lost:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state = Losing(f"http://127.0.0.1:{server.server_port}", method, re.compile(path), what)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
