"""The stand-in over HTTP: the routes of Argo CD's API that we call, and `/_argocd` by which a test sets traps.
Errors are gRPC's, as its gateway writes them. On 127.0.0.1 alone."""

import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.local.argocd import shapes
from oneshot_dagster.local.argocd.applications import FAILED_PRECONDITION, PERMISSION_DENIED, App, Controller, Refused
from oneshot_dagster.local.argocd.shapes import Json

UNAUTHENTICATED = 16
STATUS = {3: 400, 5: 404, PERMISSION_DENIED: 403, FAILED_PRECONDITION: 400, UNAUTHENTICATED: 401}
SLOW = 5.0
_SHA = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
WRONG_SHAPE: Json = {"metadata": {"name": 7}, "spec": {}, "status": "fine"}
VERSION = "v3.0.0+stand-in"
PAGE = """A stand-in for Argo CD, for tests and demonstrations: applications of one source that is a folder in git.

It imitates: get and list (refresh, appNamespace), sync, rollback, revision metadata, managed resources (deployment.json),
version, userinfo, can-i; automated sync, sync windows, health that comes, goes or never comes; errors as gRPC's gateway has them.
It does not: Helm, Kustomize, several sources, self-heal, retries, hooks, projects' rules, roles, streams; nothing is kept on disk.
Traps are set with PUT /_argocd/applications, faults with PUT /_argocd/fault; GET /_argocd says what was called.
"""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, controller: Controller, token: str) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.controller, self.token = controller, token
        self.calls: list[str] = []
        self.fault: Fault | None = None

    def handle_error(self, request: object, client_address: object) -> None:
        """Who went away before the answer is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # pyright: ignore[reportArgumentType]


@dataclass(kw_only=True, slots=True)
class Fault:
    """What happens to the `nth` call that matches `pattern` ("METHOD path") and the ones after it, `times` in all; 0 is for ever.

    `sha`: the commit that a wrong_sha answer names wherever it names one; "" is for each a commit that nobody has.
    """

    pattern: str
    kind: str
    nth: int = 1
    times: int = 0
    sha: str = ""
    seen: int = 0

    def hits(self, called: str) -> bool:
        if re.search(self.pattern, called) is None:
            return False
        self.seen += 1
        return self.seen >= self.nth and (self.times == 0 or self.seen < self.nth + self.times)

    def otherwise(self, shown: Json) -> Json:
        return cast("Json", json.loads(_SHA.sub(lambda found: self.sha or found[0][::-1], json.dumps(shown))))


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    controller: Controller
    parts: tuple[str, ...]
    query: dict[str, str]
    body: Json

    def app(self) -> App:
        """Argo CD does not tell a stranger which applications there are: a missing one is forbidden."""
        namespace = self.query.get("appNamespace") or str(self.body.get("appNamespace") or "")
        found = self.controller.find(self.parts[0], namespace)
        if found is None:
            raise Refused(PERMISSION_DENIED, "permission denied")
        return found


def get(call: Call) -> Json:
    app = call.app()
    if call.query.get("refresh"):
        app.refresh = True
        call.controller.reconcile(app)
    return _shown(call, app)


def list_all(call: Call) -> Json:
    name, namespace = call.query.get("name"), call.query.get("appNamespace")
    apps = [a for a in call.controller.all() if name in {None, a.name} and namespace in {None, a.namespace}]
    return {"metadata": {"resourceVersion": "1"}, "items": [shapes.application(a) for a in apps]}


def sync(call: Call) -> Json:
    app = call.app()
    call.controller.sync(app, str(call.body.get("revision") or ""), "engine")
    return _shown(call, app)


def rollback(call: Call) -> Json:
    app = call.app()
    call.controller.rollback(app, int(str(call.body.get("id") or 0)), "engine")
    return _shown(call, app)


def metadata(call: Call) -> Json:
    app = call.app()
    return shapes.revision_metadata(call.controller.sources.message(app.repo_url, call.parts[1]))


def managed(call: Call) -> Json:
    app, sources = call.app(), call.controller.sources
    live = sources.manifest(app.repo_url, app.live, app.path) if app.live else None
    return shapes.resources(live, sources.manifest(app.repo_url, app.target, app.path) if app.target else None)


def version(_: Call) -> Json:
    return {"Version": VERSION}


def user(_: Call) -> Json:
    return {"loggedIn": True, "username": "engine", "iss": "argocd"}


def may(call: Call) -> Json:
    """Roles are not imitated: whoever has the token may all, in the projects that there are."""
    project = call.parts[2].split("/")[0]
    return {"value": "yes" if project in {app.project for app in call.controller.all()} else "no"}


def _shown(call: Call, app: App) -> Json:
    with call.controller.lock:
        return shapes.application(app)


_ONE = r"/api/v1/applications/([^/]+)"
ROUTES: tuple[tuple[str, str, Callable[[Call], Json]], ...] = (
    ("GET", "/api/version", version),
    ("GET", "/api/v1/session/userinfo", user),
    ("GET", r"/api/v1/account/can-i/([^/]+)/([^/]+)/([^/]+)", may),
    ("GET", "/api/v1/applications", list_all),
    ("GET", _ONE, get),
    ("POST", f"{_ONE}/sync", sync),
    ("POST", f"{_ONE}/rollback", rollback),
    ("GET", f"{_ONE}/revisions/([^/]+)/metadata", metadata),
    ("GET", f"{_ONE}/managed-resources", managed),
)


class Handler(BaseHTTPRequestHandler):
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def do_PUT(self) -> None:
        self._do()

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        if address.path == "/":
            self._send(200, PAGE.encode(), "text/plain; charset=utf-8")
        elif address.path.startswith("/_argocd"):
            self._answer(200, self._set(address.path, cast("Json", json.loads(body or b"{}"))))
        else:
            self.server.calls.append(f"{self.command} {self.path}")
            self._api(address.path, {k: v[-1] for k, v in parse_qs(address.query).items()}, body)

    def _set(self, path: str, body: Json) -> Json:
        """What tests say to it."""
        if self.command == "PUT" and path.endswith("/applications"):
            return shapes.application(self.server.controller.put(body))
        if self.command == "PUT" and path.endswith("/fault"):
            self.server.fault = Fault(**cast("dict[str, Any]", body)) if body else None
        fault = self.server.fault
        return {"calls": list(self.server.calls), "seen": fault.seen if fault else 0}

    def _api(self, path: str, query: dict[str, str], body: bytes) -> None:
        fault = self.server.fault
        kind = fault.kind if fault and fault.hits(f"{self.command} {path}") else ""
        if kind == "slow":
            time.sleep(SLOW)
        elif kind.isdecimal():
            return self._send(int(kind), b"<html>Bad Gateway</html>", "text/html")
        elif kind == "wrong":
            return self._send(200, b"<html>a login page</html>", "text/html")
        status, shown = self._answered(path, query, body)
        if fault and kind == "wrong_sha":
            shown = fault.otherwise(shown)
        return self._answer(status, WRONG_SHAPE if kind == "shape" else shown, cut=kind == "cut")

    def _answered(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, Json]:
        if path != "/api/version" and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            return _error(Refused(UNAUTHENTICATED, "no session information"))
        for method, pattern, handler in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == self.command:
                parts = tuple(unquote(part) for part in found.groups())
                call = Call(
                    controller=self.server.controller,
                    parts=parts,
                    query=query,
                    body=cast("Json", json.loads(body or b"{}")),
                )
                try:
                    return 200, handler(call)
                except Refused as error:
                    return _error(error)
                except TryAgain as error:
                    return _error(Refused(FAILED_PRECONDITION, str(error)))
        return _error(Refused(5, "Not Found"))

    def _answer(self, status: int, body: Json, *, cut: bool = False) -> None:
        self._send(status, json.dumps(body).encode(), "application/json", cut=cut)

    def _send(self, status: int, content: bytes, kind: str, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Nothing: what was called stands at /_argocd."""


def _error(error: Refused) -> tuple[int, Json]:
    """`runtimeError` of the swagger."""
    return STATUS[error.code], {"error": error.message, "code": error.code, "message": error.message}
