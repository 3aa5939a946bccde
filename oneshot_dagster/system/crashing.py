"""A process that kills itself at a named call, for tests of what a crash leaves behind. Only a setting for tests leads here.
The file names the calls to pass, one a line, `<path> <word or -> <before|after>`; at the last of them the process dies."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")
_OURS = __name__.partition(".")[0] + "."


class CrashFile:
    """Who dies removes the file first, so that it happens once; how many lines are passed is this process's own count."""

    def __init__(self, path: Path) -> None:
        self._path, self._passed = path, 0

    def around(self, service: T, name: str) -> T:
        """The service, each call of it and of its parts a place where the process can die."""
        return cast("T", _Around(service, name, self))

    def reached(self, call: str, side: str, words: Callable[[], Iterator[str]]) -> None:
        lines = self._lines()
        if self._passed >= len(lines):
            return
        path, word, when = lines[self._passed].split()
        if path != call or when != side or (word != "-" and word not in words()):
            return
        self._passed += 1
        if self._passed == len(lines):
            self._path.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text().splitlines()
        except FileNotFoundError:
            self._passed = 0
            return []


class _Around:
    def __init__(self, real: object, name: str, file: CrashFile) -> None:
        self._real, self._name, self._file = real, name, file

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._real, attribute)
        name = f"{self._name}.{attribute}"
        if callable(value):
            return self._call(value, name)
        return _Around(value, name, self._file) if type(value).__module__.startswith(_OURS + "services.") else value

    def _call(self, method: Callable[..., object], name: str) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            def words() -> Iterator[str]:
                return _words((*args, *named.values()))

            self._file.reached(name, "before", words)
            answer = method(*args, **named)
            self._file.reached(name, "after", words)
            return answer

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
