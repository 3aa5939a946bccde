"""The pipes of one running command: read and written together, bounded, cut into lines. Knows no limits of time."""

import contextlib
import fcntl
import os
import selectors
from collections.abc import Callable
from dataclasses import dataclass
from subprocess import Popen
from typing import IO

_CHUNK = 256 * 1024
_MOST_IN_A_PIPE = 2**20  # the kernel's bound; who escaped us may go on writing for ever


class Bounded:
    """Keeps the first three quarters of the limit and the last quarter of what came."""

    def __init__(self, limit: int) -> None:
        self._last_limit = limit // 4
        self._first_limit = limit - self._last_limit
        self._first, self._last = bytearray(), bytearray()
        self.truncated = False

    def add(self, chunk: bytes) -> None:
        room = self._first_limit - len(self._first)
        self._first += chunk[:room]
        self._last += chunk[room:]
        if len(self._last) > 2 * self._last_limit + _CHUNK:
            self._drop()

    def value(self) -> bytes:
        self._drop()
        return bytes(self._first + self._last)

    def _drop(self) -> None:
        excess = len(self._last) - self._last_limit
        if excess > 0:
            del self._last[:excess]
            self.truncated = True


class Lines:
    """Hands on whole lines without their newline; one longer than the limit comes in pieces."""

    def __init__(self, on_line: Callable[[bytes], None], limit: int) -> None:
        self._on_line, self._limit = on_line, limit
        self._open = bytearray()

    def add(self, chunk: bytes) -> None:
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            self._open += part
            self.flush(empty=True)
        self._open += rest
        if len(self._open) >= self._limit:
            self.flush()

    def flush(self, *, empty: bool = False) -> None:
        if self._open or empty:
            line = bytes(self._open)
            self._open.clear()
            self._on_line(line)


@dataclass(frozen=True, slots=True)
class _Pipe:
    stream: IO[bytes]
    into: Bounded | None  # None: the command's stdin


class Streams:
    """`pump` waits for events and handles them; it returns whether the process ended. `lines` counts line ends seen."""

    def __init__(
        self,
        popen: "Popen[bytes]",
        *,
        stdin: bytes,
        limit: int,
        on_line: Callable[[bytes], None] | None,
        on_output: Callable[[bytes], None] | None,
    ) -> None:
        self.out, self.err = Bounded(limit), Bounded(limit)
        self.lines = 0
        self._lines = Lines(on_line, limit) if on_line is not None else None
        self._on_output = on_output
        self._unwritten = memoryview(stdin)
        self._selector = selectors.DefaultSelector()
        self._pidfd = os.pidfd_open(popen.pid)
        self._selector.register(self._pidfd, selectors.EVENT_READ)
        if popen.stdout is not None and on_output is not None:
            _widen(popen.stdout.fileno())
        for stream, into in ((popen.stdin, None), (popen.stdout, self.out), (popen.stderr, self.err)):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                event = selectors.EVENT_WRITE if into is None else selectors.EVENT_READ
                self._selector.register(stream.fileno(), event, _Pipe(stream, into))

    def pump(self, timeout: float | None) -> bool:
        ended = False
        for key, _ in self._selector.select(timeout):
            pipe: _Pipe | None = key.data
            if pipe is None:
                ended = True
            elif pipe.into is None:
                self._write(pipe)
            else:
                self._read(pipe, pipe.into)
        return ended

    def finish(self) -> None:
        """Reads what is in the pipes still, waiting for nobody, and hands on the last line."""
        for pipe in self._pipes():
            left = _MOST_IN_A_PIPE
            while pipe.into is not None and left > 0 and (size := self._read(pipe, pipe.into)):
                left -= size
        if self._lines is not None:
            self._lines.flush()

    def close(self) -> None:
        for pipe in self._pipes():
            self._close(pipe)
        self._selector.close()
        os.close(self._pidfd)

    def _pipes(self) -> list[_Pipe]:
        return [key.data for key in list(self._selector.get_map().values()) if key.data is not None]

    def _read(self, pipe: _Pipe, into: Bounded) -> int:
        try:
            chunk = os.read(pipe.stream.fileno(), _CHUNK)
        except BlockingIOError:
            return 0
        if not chunk:
            self._close(pipe)
            return 0
        into.add(chunk)
        self.lines += chunk.count(b"\n")
        if self._lines is not None and into is self.out:
            self._lines.add(chunk)
        if self._on_output is not None and into is self.out:
            self._on_output(chunk)
        return len(chunk)

    def _write(self, pipe: _Pipe) -> None:
        try:
            written = os.write(pipe.stream.fileno(), self._unwritten[:_CHUNK])
        except BlockingIOError:
            return
        except BrokenPipeError:  # it does not want the rest
            written = len(self._unwritten)
        self._unwritten = self._unwritten[written:]
        if not self._unwritten:
            self._close(pipe)

    def _close(self, pipe: _Pipe) -> None:
        self._selector.unregister(pipe.stream.fileno())
        with contextlib.suppress(OSError):
            pipe.stream.close()


def _widen(pipe: int) -> None:
    """So that a command goes on printing while this process is busy with what it printed before."""
    with contextlib.suppress(PermissionError):  # the user's pipes hold all they may
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _MOST_IN_A_PIPE)
