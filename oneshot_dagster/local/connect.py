"""The page on this machine from which a browser takes the manifest to GitHub, and to which GitHub sends it back with a code.
It lives for one answer; what the code becomes is services.github.manifest."""

import hmac
import json
import queue
import secrets
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from oneshot_dagster.domain.permissions import PERMISSIONS
from oneshot_dagster.local.ports import HOST

_BACK = "/connected"
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin",  # with none at all a browser names no origin to GitHub's form
}
_FOREIGN = "This is not the answer to what was asked from here, so nothing was done with it. Start again."


class Asking:
    """`url` is for the person's browser; it holds a secret, so that another user of this machine does not see the state."""

    def __init__(self, manifest: Callable[[str], Mapping[str, object]], target: Callable[[str], str]) -> None:
        self._state, self._door = secrets.token_urlsafe(24), f"/{secrets.token_urlsafe(16)}"
        self._codes: queue.Queue[str] = queue.Queue()
        self._answered = threading.Lock()  # taken by the one answer, and never given back
        self.server = ThreadingHTTPServer((HOST, 0), _handler(self))
        self.origin = f"http://{HOST}:{self.server.server_port}"
        self._manifest, self._target = manifest(self.origin + _BACK), target(self._state)

    @property
    def url(self) -> str:
        return self.origin + self._door

    def code(self, seconds: float) -> str | None:
        """None where nobody came back in time."""
        try:
            return self._codes.get(timeout=seconds)
        except queue.Empty:
            return None

    def answer(self, address: str) -> tuple[int, str, str]:
        """Status, page, and where its form may lead."""
        parts = urlsplit(address)
        if hmac.compare_digest(parts.path.encode(), self._door.encode()):
            target = urlsplit(self._target)
            return 200, self._form(), f"{target.scheme}://{target.netloc}"
        if parts.path != _BACK:
            return 404, _page("There is nothing here."), "'none'"
        return *self._back(parse_qs(parts.query)), "'none'"

    def _back(self, told: Mapping[str, list[str]]) -> tuple[int, str]:
        state, code = (told.get(name, [""])[0] for name in ("state", "code"))
        if not hmac.compare_digest(state.encode(), self._state.encode()) or not code:
            return 403, _page(_FOREIGN)
        if not self._answered.acquire(blocking=False):
            return 410, _page("That answer came already.")
        self._codes.put(code)
        return 200, _page("GitHub made the App. Close this page and go on where you started this.")

    def _form(self) -> str:
        rows = "".join(f"<tr><td>{p.name}</td><td>{p.access}</td><td>{escape(p.why)}</td></tr>" for p in PERMISSIONS)
        return _page(
            "GitHub will show the same permissions and ask for the App's name once more.",
            f"<table><tr><th>permission</th><th>level</th><th>why</th></tr>{rows}</table>"
            f'<form method="post" action="{escape(self._target)}">'
            f'<input type="hidden" name="manifest" value="{escape(json.dumps(self._manifest))}">'
            "<p><button>Make the App on GitHub</button></p></form>",
        )


@contextmanager
def asking(manifest: Callable[[str], Mapping[str, object]], target: Callable[[str], str]) -> Generator[Asking]:
    """`manifest` of the address to come back to, `target` of the state: GitHub's page that takes the manifest."""
    asked = Asking(manifest, target)
    thread = threading.Thread(target=asked.server.serve_forever, args=(0.05,), name="connect", daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        asked.server.shutdown()
        asked.server.server_close()
        thread.join(timeout=5)


def _handler(asked: Asking) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        server_version, sys_version = "oneshot", ""

        def do_GET(self) -> None:
            if self.headers.get("host") == asked.origin.removeprefix("http://"):
                status, page, leads = asked.answer(self.path)
            else:  # a name of somebody else's that leads here
                status, page, leads = 403, _page(_FOREIGN), "'none'"
            body = page.encode()
            self.send_response(status)
            policy = f"default-src 'none'; style-src 'unsafe-inline'; form-action {leads}; frame-ancestors 'none'"
            for name, value in {**_HEADERS, "Content-Security-Policy": policy}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its signature)
            """Nothing: the addresses hold the code."""

    return Handler


def _page(said: str, more: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>oneshot: connect GitHub</title>'
        "<style>body{font:1rem/1.5 sans-serif;max-width:50rem;margin:3rem auto;padding:0 1rem}"
        "td,th{text-align:left;padding:.2rem .8rem .2rem 0}</style>"
        f"<main><h1>Connect GitHub</h1><p>{escape(said)}</p>{more}</main></html>"
    )
