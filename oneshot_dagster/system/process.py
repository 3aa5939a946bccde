"""The one starter of processes: `run` for a command that ends, `start` for one that stays.
Each child has its own session and dies with this process; at its end nothing that it started is left."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.system.process_pipes import Streams
from oneshot_dagster.system.process_spawn import Spawn, Spawned, check_startable, living
from oneshot_dagster.system.process_spawn import start as spawn
from oneshot_dagster.system.process_tree import kill_group, start_time

__all__ = [
    "Child",
    "Command",
    "Finished",
    "check_startable",
    "clean_environment",
    "kill_all",
    "kill_group",
    "run",
    "start",
    "start_time",
]

_POLL = 0.2


@dataclass(frozen=True, kw_only=True)
class Command:
    """`env` is the child's complete environment, but for one mark by which we find its descendants again.

    `output_limit` is in bytes a stream: the first three quarters and the last quarter are kept, the rest dropped and flagged.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    stdin: bytes = b""
    timeout: float = 60.0
    output_limit: int = 64 * 2**20
    pass_fds: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a command ended; a negative return code is the signal that ended it."""

    returncode: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool
    cancelled: bool
    truncated: bool
    stalled: bool


def run(
    command: Command,
    *,
    cancelled: Callable[[], bool] | None = None,
    on_line: Callable[[bytes], None] | None = None,
    on_output: Callable[[bytes], None] | None = None,
    on_start: Callable[[int], None] | None = None,
    stall: float | None = None,
) -> Finished:
    """Waits for the command; its whole tree is killed at the end, timeout, cancel or stall (no line for that many seconds).

    While the command runs `on_line` gets each line of stdout, without its newline, and `on_output` all of it in pieces as
    they come; both should be quick. `cancelled` is asked five times a second; `on_start` gets the pid. Raises
    FileNotFoundError, PermissionError or another OSError when it cannot start.
    """
    watch = _Watch(timeout=command.timeout, stall=stall, cancelled=cancelled)
    child = spawn(
        Spawn(
            argv=command.argv,
            cwd=command.cwd,
            env=command.env,
            pass_fds=command.pass_fds,
            stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    )
    if on_start is not None:
        on_start(child.pid)
    try:
        streams = Streams(
            child.popen, stdin=command.stdin, limit=command.output_limit, on_line=on_line, on_output=on_output
        )
        try:
            try:
                while not streams.pump(watch.patience()) and not watch.over(streams.lines):
                    pass
            finally:
                child.kill_tree(recent=watch.seconds() < 1.0)
            streams.finish()
        finally:
            streams.close()
    finally:
        returncode = child.reap()
    return Finished(
        returncode=returncode,
        stdout=streams.out.value(),
        stderr=streams.err.value(),
        seconds=watch.seconds(),
        timed_out=watch.timed_out,
        cancelled=watch.was_cancelled,
        truncated=streams.out.truncated or streams.err.truncated,
        stalled=watch.stalled,
    )


def start(command: Command, *, log: Path, stopping: signal.Signals = signal.SIGTERM) -> "Child":
    """Starts a long-lived child that appends its output to the log; `stdin` and `timeout` of the command do not count.

    `stopping` is the signal by which it ends in order: sent by `stop`, and by the kernel when this process dies.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return Child(
            spawn(
                Spawn(
                    argv=command.argv,
                    cwd=command.cwd,
                    env=command.env,
                    pass_fds=command.pass_fds,
                    stdin=subprocess.DEVNULL,
                    stdout=output.fileno(),
                    stderr=subprocess.STDOUT,
                    stopping=stopping,
                )
            ),
            stopping,
        )


class Child:
    """A long-lived child; whatever it started goes with it."""

    def __init__(self, spawned: Spawned, stopping: signal.Signals) -> None:
        self.pid = spawned.pid
        self._spawned = spawned
        self._stopping = stopping
        self._code: int | None = None

    def poll(self) -> int | None:
        """The return code, or None while it runs."""
        if self._code is None and self._spawned.has_exited():
            self._code = self._spawned.reap()
        return self._code

    def wait(self, timeout: float) -> int | None:
        """The return code, or None when it still runs after that time."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return code

    def stop(self, *, grace: float = 5.0) -> int:
        """Asks it to stop, and kills its tree when it has not after the grace."""
        if (code := self.poll()) is not None:
            return code
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, self._stopping)
        if (code := self.wait(grace)) is None:
            code = self._code = self._spawned.reap()
        return code


def kill_all() -> None:
    """Kills every living child of this process with its tree; for who has lost its lease."""
    for child in living():
        child.kill_tree()


def clean_environment(**extra: str) -> dict[str, str]:
    """PATH, HOME, LANG and TZ, nothing else of ours; `extra` goes over them."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TZ") if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, **extra}


class _Watch:
    """Time, stall and cancel of one run."""

    def __init__(self, *, timeout: float, stall: float | None, cancelled: Callable[[], bool] | None) -> None:
        self._started = self._asked = self._moved = time.monotonic()
        self._timeout, self._stall, self._cancelled = timeout, stall, cancelled
        self._lines = 0
        self.timed_out = self.stalled = self.was_cancelled = False

    def seconds(self) -> float:
        return time.monotonic() - self._started

    def patience(self) -> float:
        """How long may be waited for an event before `over` must be asked again."""
        now = time.monotonic()
        limits = [self._started + self._timeout]
        if self._stall is not None:
            limits.append(self._moved + self._stall)
        if self._cancelled is not None:
            limits.append(self._asked + _POLL)
        return max(0.0, min(limits) - now)

    def over(self, lines: int) -> bool:
        now = time.monotonic()
        if lines != self._lines:
            self._lines, self._moved = lines, now
        if self._cancelled is not None and now - self._asked >= _POLL:
            self.was_cancelled, self._asked = self._cancelled(), now
        self.stalled = self._stall is not None and now - self._moved >= self._stall
        self.timed_out = now - self._started >= self._timeout
        return self.was_cancelled or self.stalled or self.timed_out
