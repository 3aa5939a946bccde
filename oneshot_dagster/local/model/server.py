"""The scripted model as an HTTP server on loopback: `/s/NAME/v1/responses` plays the script of that name.
Names keep runs side by side apart. Every request is kept."""

import contextlib
import itertools
import json
import select
import socket
import struct
import threading
from collections.abc import Generator, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from oneshot_dagster.local.model import wire
from oneshot_dagster.local.model.items import Json
from oneshot_dagster.local.model.script import Asked, Break, Fault, Player, Reply, Script, Turn

_LOOK_EVERY = 0.05


class ModelServer:
    """Serves from a thread of this process until it is closed."""

    def __init__(self, port: int = 0, *, otherwise: Player | None = None) -> None:
        """`otherwise` answers under every name that has no script."""
        self._otherwise = otherwise
        self._players: dict[str, Player] = {}
        self._asked: dict[str, list[Asked]] = {}
        self._lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.stopping = threading.Event()
        self._http = _Listener(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="model", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def base_url(self, name: str = "default") -> str:
        """What a client is given; it posts to this and `/responses`."""
        return f"{self.url}/s/{name}/v1"

    def script(self, *turns: Turn, name: str = "default") -> Script:
        script = Script(turns)
        self.play(script, name=name)
        return script

    def play(self, player: Player, *, name: str = "default") -> None:
        with self._lock:
            self._players[name] = player

    def requests(self, name: str = "default") -> tuple[Asked, ...]:
        with self._lock:
            return tuple(self._asked.get(name, ()))

    def answer(self, name: str, asked: Asked) -> Turn | None:
        with self._lock:
            self._asked.setdefault(name, []).append(asked)
            player = self._players.get(name, self._otherwise)
        return None if player is None else player(asked)

    def close(self) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()


@contextlib.contextmanager
def model_server(*turns: Turn) -> Generator[ModelServer]:
    """In this process; the turns are the script of the name "default"."""
    server = ModelServer()
    try:
        if turns:
            server.script(*turns)
        yield server
    finally:
        server.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        model = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    model: ModelServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name that the library calls it by)
        """Requests are kept, not printed."""

    def do_GET(self) -> None:
        if self.headers.get("upgrade"):
            self._json(426, {"error": {"message": "no WebSocket here"}})
        elif self.path.partition("?")[0].endswith("/v1/models"):
            self._json(200, {"object": "list", "data": [], "models": []})
        else:
            self._json(404, {"error": {"message": f"nothing at {self.path}"}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        _, _, rest = self.path.partition("/s/")
        name, _, endpoint = rest.partition("/")
        if endpoint != "v1/responses":
            self._json(404, {"error": {"message": f"nothing at {self.path}"}})
            return
        asked = Asked(headers={k.lower(): v for k, v in self.headers.items()}, body=cast("Json", json.loads(body)))
        turn = self.model.answer(name, asked)
        with contextlib.suppress(ConnectionError):
            if turn is None:
                self._json(404, {"error": {"message": f"no script by the name {name}"}})
            elif isinstance(turn, Fault):
                self._break(turn, asked.body)
            else:
                self._reply(turn, asked.body)

    def _reply(self, reply: Reply, asked: Json) -> None:
        complete = wire.response(reply, asked, next(self.model.numbers))
        if asked.get("stream"):
            self._stream(wire.stream(complete))
        else:
            self._json(200, complete)

    def _break(self, fault: Fault, asked: Json) -> None:
        number = next(self.model.numbers)
        match fault.kind:
            case Break.STATUS:
                self._json(fault.status, wire.error(fault), fault.headers)
            case Break.CUT:
                self._stream(wire.begun(asked, number), whole=False)
            case Break.EMPTY:
                self._stream(())
            case Break.GARBAGE:
                self._stream([b"data: {not json\n\n", b"\xff\xfe\x00nothing\n\n", b'event: x\ndata: {"type": 7}\n\n'])
            case Break.FAILED | Break.INCOMPLETE:
                self._stream([*wire.begun(asked, number), wire.ended(fault, asked, number)])
            case Break.SILENCE:
                self._stream(wire.begun(asked, number), whole=False, then_wait=True)
            case Break.MUTE:
                self._wait_until_gone()
            case Break.RESET:
                self._reset()

    def _json(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for key, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _stream(self, events: Iterable[bytes], *, whole: bool = True, then_wait: bool = False) -> None:
        """Chunked; where it is not whole the connection closes without the last chunk."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for sent in events:
            self.wfile.write(f"{len(sent):x}\r\n".encode() + sent + b"\r\n")
            self.wfile.flush()
        if whole:
            self.wfile.write(b"0\r\n\r\n")
        elif then_wait:
            self._wait_until_gone()
        self.wfile.flush()
        self.close_connection = self.close_connection or not whole

    def _wait_until_gone(self) -> None:
        while not self.model.stopping.wait(_LOOK_EVERY):
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                break
        self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
