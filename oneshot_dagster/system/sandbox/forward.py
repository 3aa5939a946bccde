"""Runs inside a sandbox with a network of its own: makes the way out, a Unix socket, reachable for TCP clients.
Arguments: the socket, the proxy's port, then each address with the place where a client that knows no proxy finds it."""

import contextlib
import os
import signal
import socket
import threading

_CHUNK = 64 * 1024


def main(arguments: list[str]) -> None:
    """`SOCKET PORT [PLACE PORT TARGET]… -- COMMAND…`: listens, then becomes the command; a child of it forwards."""
    end = arguments.index("--")
    outlet, *places = arguments[:end]
    listeners = [(_listener("127.0.0.1", int(places[0])), b"")]
    for place, port, target in zip(places[1::3], places[2::3], places[3::3], strict=True):
        with contextlib.suppress(OSError):  # a machine without IPv6 has no ::1
            listeners.append((_listener(place, int(port)), target.encode()))
    if os.fork() == 0:
        _leave_alone()
        _forward(outlet, listeners)
    for listener, _ in listeners:
        listener.close()
    command = arguments[end + 1 :]
    try:
        os.execvp(command[0], command)  # noqa: S606 (it is what this program is for)
    except OSError as problem:
        os.write(2, f"{command[0]}: {problem.strerror}\n".encode())
        os._exit(126 if isinstance(problem, PermissionError) else 127)


def _listener(place: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in place else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((place, port))
    listener.listen(64)
    return listener


def _leave_alone() -> None:
    """The command's pipes end when the command ends, and its signals are not ours."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)


def _forward(outlet: str, listeners: list[tuple[socket.socket, bytes]]) -> None:
    """Never returns."""
    for listener, target in listeners:
        threading.Thread(target=_accept, args=(outlet, listener, target), daemon=True).start()
    while True:
        signal.pause()


def _accept(outlet: str, listener: socket.socket, target: bytes) -> None:
    while True:
        near, _ = listener.accept()
        threading.Thread(target=_connect, args=(outlet, near, target), daemon=True).start()


def _connect(outlet: str, near: socket.socket, target: bytes) -> None:
    far = socket.socket(socket.AF_UNIX)
    try:
        far.connect(outlet)
        if target:
            far.sendall(b"CONNECT %s HTTP/1.1\r\n\r\n" % target)
            answer = b""
            while b"\r\n\r\n" not in answer:
                if not (data := far.recv(1)):  # not a byte of what the target itself says
                    return
                answer += data
            if not answer.startswith(b"HTTP/1.1 200"):
                return
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()
    except OSError:
        pass
    finally:
        near.close()
        far.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
