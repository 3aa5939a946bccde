"""Real processes for the tests: sleepers that can be told apart, and a Python of its own to be killed."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import oneshot_dagster
from oneshot_dagster.system.process import Command, clean_environment

ROOT = Path(oneshot_dagster.__file__).parent.parent
_HEAD = """
import os, signal, sys, threading, time
from pathlib import Path
from oneshot_dagster.system.process import *
here = Path(sys.argv[1])
def sh(script, **more): return Command(argv=("sh", "-c", script), cwd=here, env=clean_environment(), **more)
"""


def sh(script: str, **more) -> Command:
    return Command(argv=("sh", "-c", script), cwd=Path("/"), env=clean_environment(), **more)


def sleeper() -> str:
    """A sleep command that no other test has."""
    return f"sleep 3{secrets.randbelow(10**9):09}"


def living(command: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")[:-1]
            except OSError:
                continue
            if b" ".join(words).decode(errors="replace") == command:
                found.append(int(entry.name))
    return found


def eventually(holds: Callable[[], object], *, within: float = 20.0) -> bool:
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Engine:
    """A Python process that uses system.process and can be killed without warning."""

    def __init__(self, script: str, here: Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", _HEAD + script, str(here)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.pid = self.popen.pid

    def guardian(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task")
        pids = [pid for task in children.iterdir() for pid in (task / "children").read_text().split()]
        return [int(pid) for pid in pids if b"guardian.sh" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.popen.communicate()

    def said(self) -> str:
        return self.popen.communicate(timeout=60)[0].decode()
