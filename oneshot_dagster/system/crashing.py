"""A process that kills itself at a boundary, the begin or the end of a service's call, for tests of what a crash leaves behind.
Only settings for tests lead here. Where it dies stands in a file; a clean run writes down there what it goes through."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

T = TypeVar("T")
Words = Callable[[], Iterator[str]]
_OURS = __name__.partition(".")[0] + "."
_LONGEST_WORD = 24


class Watch(Protocol):
    def begins(self, call: str, words: Words) -> Callable[[], None]:
        """A call begins; what comes back is told when it ends, however it ends."""
        ...


def watch(file: Path, at: int | None) -> Watch:
    """Without a number the file's lines are calls to pass. With 0 boundaries are recorded in it, with n line n is where to die."""
    if at is None:
        return CrashFile(file)
    return Recorder(file) if at == 0 else CrashAt(file, at)


def around(service: T, name: str, watch: Watch) -> T:
    """The service, each call of it and of its parts watched."""
    return cast("T", _Around(service, name, watch))


class CrashFile:
    """Dies at the last of the lines `<call> <word or -> <before|after>`, once all were passed in their order. Who dies removes
    the file first, so that it happens once; how many lines are passed is this process's own count."""

    def __init__(self, path: Path) -> None:
        self._path, self._passed = path, 0

    def begins(self, call: str, words: Words) -> Callable[[], None]:
        self._reached(call, "before", words)
        return lambda: self._reached(call, "after", words)

    def _reached(self, call: str, side: str, words: Words) -> None:
        lines = self._lines()
        if self._passed >= len(lines):
            return
        path, word, when = lines[self._passed].split()
        if path != call or when != side or (word != "-" and word not in words()):
            return
        self._passed += 1
        if self._passed == len(lines):
            self._path.unlink()
            _die()

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text().splitlines()
        except FileNotFoundError:
            self._passed = 0
            return []


class _Named:
    """Boundaries by names that are the same in every run of the same steps: the call, its plain words, the how manieth it is.

    What other threads do (they renew leases) has the number 0: when it happens is a matter of time.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def begins(self, call: str, words: Words) -> Callable[[], None]:
        name = f"{call} {'+'.join(dict.fromkeys(filter(_is_plain, words()))) or '-'}"
        nth = 0
        if threading.current_thread() is threading.main_thread():
            self._seen[name] += 1
            nth = self._seen[name]
        self._reached(f"{name}#{nth} before")
        return lambda: self._reached(f"{name}#{nth} after")

    def _reached(self, boundary: str) -> None:
        raise NotImplementedError


class Recorder(_Named):
    """Each line: when it was (seconds of the clock on the wall), in which process, and the boundary."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def _reached(self, boundary: str) -> None:
        with self._file.open("a") as lines:
            lines.write(f"{time.time():.6f} {os.getpid()} {boundary}\n")


class CrashAt(_Named):
    """Dies at the boundary that stands in that line of a recorded file, counted from 1; a file that is shorter is an error."""

    def __init__(self, file: Path, line: int) -> None:
        super().__init__()
        self._boundary = file.read_text().splitlines()[line - 1].split(" ", 2)[2]

    def _reached(self, boundary: str) -> None:
        if boundary == self._boundary:
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Around:
    def __init__(self, real: object, name: str, watch: Watch) -> None:
        self._real, self._name, self._watch = real, name, watch

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._real, attribute)
        name = f"{self._name}.{attribute}"
        if callable(value):
            return self._call(value, name)
        return _Around(value, name, self._watch) if type(value).__module__.startswith(_OURS + "services.") else value

    def _call(self, method: Callable[..., object], name: str) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            ends = self._watch.begins(name, lambda: _words((*args, *named.values())))
            try:
                return method(*args, **named)
            finally:
                ends()

        return call


def _words(values: tuple[object, ...]) -> Iterator[str]:
    """What tells one call of a method from another: its texts, and those within its values."""
    for value in values:
        if isinstance(value, str):
            yield str(value)
        elif isinstance(value, Mapping):
            yield from _words(tuple(cast("Mapping[str, object]", value).values()))
        elif is_dataclass(value) and not isinstance(value, type):
            yield from (str(inner) for field in fields(value) if isinstance(inner := getattr(value, field.name), str))


def _is_plain(word: str) -> bool:
    """No number, hash, path or sentence: those are others in the next run."""
    return len(word) <= _LONGEST_WORD and word.replace("_", "").replace("-", "").replace(".", "").isalpha()
