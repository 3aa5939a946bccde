"""The way out of a sandbox: an HTTP proxy that lets through named addresses alone, and keeps what it refused.
It looks names up itself, so nothing leaves by DNS; it serves CONNECT and, for http:// URLs, whole requests."""

import asyncio
import contextlib
import ipaddress
import re
import socket
import threading
from collections.abc import AsyncGenerator, Collection, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.system.event_loop import EventLoop
from oneshot_dagster.system.sandbox.room import Address, address, address_of

_HEAD_LIMIT = 64 * 1024
_HEAD_SECONDS = 30.0
_CONNECT_SECONDS = 20.0
_ASK_AGAIN = 0.2
_CHUNK = 64 * 1024
_MOST_AT_ONCE = 256
_REFUSED_KEPT = 20
_REQUEST = re.compile(rb"([A-Z]{1,16}) (\S{1,8192}) (HTTP/1\.[01])")


@dataclass(kw_only=True)
class Outlet:
    """`port` is its port on the machine's loopback, where it has one. `refused` are the first addresses that were asked for in vain."""

    port: int | None = None
    refused: dict[str, int] = field(default_factory=dict[str, int])

    def note(self, target: str) -> None:
        if target in self.refused or len(self.refused) < _REFUSED_KEPT:
            self.refused[target] = self.refused.get(target, 0) + 1


@contextmanager
def opened(allowed: Collection[Address], *, path: Path | None = None) -> Generator[Outlet]:
    """Serves on a Unix socket at `path`, else on a free port of the loopback, from a thread of its own until the block ends."""
    outlet, ready, stop = Outlet(), threading.Event(), threading.Event()
    serving = _Serving(frozenset(allowed), outlet)
    problems: list[BaseException] = []

    def work() -> None:
        try:
            with asyncio.Runner(loop_factory=EventLoop) as runner:
                runner.run(serving.until(stop, path, ready))
        except BaseException as problem:  # noqa: BLE001 (it is raised in the thread that waits)
            problems.append(problem)
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="egress", daemon=True)
    thread.start()
    ready.wait()
    if problems:
        raise OSError(f"the way out of the sandbox could not be opened: {problems[0]}")
    try:
        yield outlet
    finally:
        stop.set()
        serving.wake()
        thread.join(timeout=5.0)


class _Refused(Exception):
    def __init__(self, status: str, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Asked:
    """`head` is what goes on to the target; None for CONNECT."""

    target: Address
    head: bytes | None


class _Serving:
    def __init__(self, allowed: frozenset[Address], outlet: Outlet) -> None:
        self._allowed, self._outlet = allowed, outlet
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_MOST_AT_ONCE)

    async def until(self, stop: threading.Event, path: Path | None, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        if path is not None:
            server = await asyncio.start_unix_server(self._accept, path, limit=_HEAD_LIMIT)
        else:
            server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD_LIMIT)
            self._outlet.port = server.sockets[0].getsockname()[1]
        ready.set()
        while not stop.is_set():
            await self._over.wait()
        # Nobody more is accepted; asyncio loses whom it accepts while the server closes.
        for listener in server.sockets:
            self._loop.remove_reader(listener)
        while left := asyncio.all_tasks() - {asyncio.current_task()}:
            for connection in tuple(self._connections):
                connection.cancel()
            await asyncio.wait(left, timeout=_ASK_AGAIN)
        server.close()

    def wake(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is over already
                self._loop.call_soon_threadsafe(self._over.set)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """No coroutine: asyncio would make its own task of that, of which nobody here knows, and complain where it is cancelled."""
        if self._over.is_set():
            writer.transport.abort()
            return
        connection = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(lambda done: self._end(done, writer))

    def _end(self, connection: asyncio.Task[None], writer: asyncio.StreamWriter) -> None:
        self._connections.discard(connection)
        if self._over.is_set():
            writer.transport.abort()
        else:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._slots:
            try:
                asked = await self._ask(reader)
                async with self._connected(asked.target) as (far_reader, far_writer):
                    if asked.head is None:
                        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    else:
                        far_writer.write(asked.head)
                    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            except _Refused as refused:
                with contextlib.suppress(OSError):
                    writer.write(_answer(refused.status, str(refused)))
                    await writer.drain()
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                pass

    async def _ask(self, reader: asyncio.StreamReader) -> _Asked:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        try:
            asked = read_request(head)
        except BadInput as problem:
            raise _Refused("400 Bad Request", str(problem)) from None
        if asked.target not in self._allowed:
            self._outlet.note(str(asked.target))
            raise _Refused("403 Forbidden", f"{asked.target} is not among the addresses that may be reached from here")
        return asked

    @asynccontextmanager
    async def _connected(self, target: Address) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                places = await _places(target)
            async with asyncio.timeout(_CONNECT_SECONDS):
                reader, writer = await _first(places, target.port)
        except (OSError, TimeoutError) as problem:
            raise _Refused("502 Bad Gateway", f"{target} could not be reached: {problem}") from None
        try:
            yield reader, writer
        finally:
            writer.close()


def read_request(head: bytes) -> _Asked:
    """Of a whole head, with the empty line at its end. BadInput for what is no request to a proxy."""
    first, _, fields = head.partition(b"\r\n")
    match = _REQUEST.fullmatch(first)
    if match is None:
        raise BadInput(tried="read a request", found=repr(first[:80]), do="send HTTP/1.1")
    method, target = match[1], match[2].decode("ascii", "replace")
    if method == b"CONNECT":
        return _Asked(address(target), None)
    if not target.startswith("http://"):
        raise BadInput(
            tried="read a request", found=repr(target[:80]), do="ask as one asks a proxy: CONNECT or http://"
        )
    rest = target.removeprefix("http://").partition("/")[2]
    kept = [
        line
        for line in fields.split(b"\r\n")
        if line and line.partition(b":")[0].strip().lower() not in {b"connection", b"proxy-connection", b"keep-alive"}
    ]
    # One request a connection: a second could name another address.
    lines = (b"%s /%s %s" % (method, rest.encode(), match[3]), *kept, b"Connection: close", b"", b"")
    return _Asked(address_of(target), b"\r\n".join(lines))


async def _places(target: Address) -> tuple[str, ...]:
    """The target's numbers. A name that is not the loopback's may not lead to this machine."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    places = tuple(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
    if target.is_name and not target.is_loopback:
        places = tuple(place for place in places if not _is_this_machine(place))
    if not places:
        raise OSError("its name leads to this machine")
    return places


def _is_this_machine(place: str) -> bool:
    number = ipaddress.ip_address(place)
    number = getattr(number, "ipv4_mapped", None) or number
    return number.is_loopback or number.is_link_local or number.is_unspecified


async def _first(places: tuple[str, ...], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    last: OSError = OSError("no address")
    for place in places:
        try:
            return await asyncio.open_connection(place, port)
        except OSError as problem:
            last = problem
    raise last


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()


def _answer(status: str, why: str) -> bytes:
    text = f"{why}\n".encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode() + text
