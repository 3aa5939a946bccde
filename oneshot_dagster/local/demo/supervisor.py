"""The demo's deploy supervisor: POST /deploy {"sha"} serves that commit, GET /_supervisor says what it did, and every other
request goes to the service that runs now. On 127.0.0.1 alone: `python -m oneshot_dagster.local.demo.supervisor --help`."""

import argparse
import http.client
import json
import re
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.local.demo.checkout import Remote
from oneshot_dagster.local.demo.host import Host

LONGEST_BODY = 1024 * 1024
SERVICE_TIMEOUT = 10.0
PASSED_ON = ("Content-Type", "Accept")
PASSED_BACK = ("Content-Type", "X-Revision", "Cache-Control", "Location")
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class Front(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, host: Host) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.host = host


class Handler(BaseHTTPRequestHandler):
    server: Front  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        if self.path == "/_supervisor":
            self._answer(200, self.server.host.state())
        else:
            self._pass_on(b"")

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        if self.path == "/deploy":
            self._deploy(body)
        else:
            self._pass_on(body)

    def _deploy(self, body: bytes) -> None:
        if self.headers.get("Origin") or self.headers.get_content_type() != "application/json":
            self._answer(403, {"error": "only programs may ask: send application/json and no Origin"})
            return
        sha = _asked(body)
        if sha is None:
            self._answer(400, {"error": 'send {"sha": "<the full SHA of a commit>"}'})
            return
        try:
            started = self.server.host.deploy(sha)
        except TryAgain as problem:
            self._answer(502, {"error": str(problem)})
            return
        self._answer(200, {"revision": sha, "started": started})

    def _pass_on(self, body: bytes) -> None:
        port = self.server.host.port()
        if port is None:
            self._answer(503, {"error": "nothing is deployed yet"})
            return
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SERVICE_TIMEOUT)
        headers = {name: value for name in PASSED_ON if (value := self.headers.get(name))}
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            self._answer(502, {"error": f"the service does not answer: {problem}"})
            return
        finally:
            connection.close()
        self._send(answer.status, content, {name: value for name in PASSED_BACK if (value := answer.getheader(name))})

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            self.close_connection = True
            self._answer(413, {"error": f"send at most {LONGEST_BODY} bytes, and say how many"})
            return None
        return self.rfile.read(int(length))

    def _answer(self, status: int, body: dict[str, object]) -> None:
        self._send(status, json.dumps(body).encode() + b"\n", {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Nothing: who asked what stands in /_supervisor."""


def _asked(body: bytes) -> str | None:
    try:
        sha = json.loads(body)["sha"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return sha if isinstance(sha, str) and _SHA.fullmatch(sha) else None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m oneshot_dagster.local.demo.supervisor")
    parser.add_argument("--home", type=Path, required=True, help="where trees, logs and the state file lie")
    parser.add_argument("--port", type=int, required=True, help="where the service answers, on 127.0.0.1")
    parser.add_argument("--git-url", required=True, help="where to fetch commits from")
    parser.add_argument("--token-file", type=Path, required=True, help="a file that holds the token to fetch with")
    asked = parser.parse_args()
    host = Host(asked.home.absolute(), Remote(url=asked.git_url, token_file=asked.token_file.absolute()))
    try:
        front = Front(asked.port, host)
    except OSError as problem:
        sys.stderr.write(f"could not serve on 127.0.0.1:{asked.port}: {problem.strerror}; choose another port\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        host.restore()
        sys.stdout.write(f"ready http://127.0.0.1:{front.server_address[1]}\n")
        sys.stdout.flush()
        front.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        host.stop()
    return 0


def _stop(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
