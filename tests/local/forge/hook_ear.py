"""A receiver of webhooks on a loopback port: keeps what came, answers as it is told. An App that is heard there."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app_world import WRITER, MadeApp, installed
from contract import webhooks
from forge_world import RunningForge

SECRET = "the secret of the hook"


@dataclass(frozen=True)
class Heard:
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> dict:
        return json.loads(self.body)

    @property
    def event(self) -> str:
        return self.headers["x-github-event"]

    @property
    def guid(self) -> str:
        return self.headers["x-github-delivery"]

    @property
    def name(self) -> str:
        action = self.payload.get("action")
        return f"{self.event} {action}" if action else self.event


def until(done: Callable[[], bool], found: Callable[[], object] = lambda: None, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, found()
        time.sleep(0.02)


def _set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class Ear:
    """`answers` cleared: it hears, and says nothing until it is set."""

    answers: threading.Event = field(default_factory=_set)
    status: int = 202
    heard: list[Heard] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    def listen(self) -> "Ear":
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = ear.status
                ear.heard.append(Heard({k.lower(): v for k, v in self.headers.items()}, body))
                ear.answers.wait(30)
                self.send_response(status)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hooks"

    def named(self, name: str) -> list[Heard]:
        return [h for h in list(self.heard) if h.name == name]

    def wait(self, name: str, times: int = 1) -> Heard:
        """The last of so many that came."""
        self.until(lambda: len(self.named(name)) >= times)
        return self.named(name)[times - 1]

    def until(self, done: Callable[[], bool]) -> None:
        until(done, lambda: [h.name for h in self.heard])

    def misfits(self) -> dict[str, set[str]]:
        """By event, what in its payloads is not as GitHub describes."""
        found: dict[str, set[str]] = {}
        for heard in list(self.heard):
            for problem in webhooks.problems(heard.event, heard.payload):
                found.setdefault(heard.name, set()).add(f"{problem.what}: {problem.said}")
        return found


def app_that_listens(forge: RunningForge, ear: Ear, *events: str, **more: object) -> MadeApp:
    asked = {"hook_attributes": {"url": ear.url}, "default_events": list(events), **more}
    return installed(forge, {**WRITER, "merge_queues": "read"}, **asked)
