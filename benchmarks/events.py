"""The receiver of webhooks under load: `oneshot serve --no-ui`, Postgres and a sender, each a process, on one machine.
How long an answer takes from the moment its delivery is due, and what a delivery costs whom."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import cpu
from benchmarks.standing import free_port
from benchmarks.world import CHECKOUT
from oneshot_dagster.local import postgres
from oneshot_dagster.services.store import schema

REPOSITORY = "acme/shop"
_ELSEWHERE = "acme/other"
_PATIENCE = 60.0
_STANDING = "select count(*), count(*) filter (where state <> 'received'), count(*) filter (where state = 'dead') from jangar_github.events"


@dataclass(frozen=True, kw_only=True)
class Load:
    """One load and what became of it; seconds, and CPU milliseconds a delivery. `pump` is part of `receiver`."""

    number: int
    answers: dict[str, int]
    seconds: float
    p50: float
    p99: float
    most: float
    receiver: float
    pump: float
    postgres: float
    sender: float
    behind: float
    stored: int
    dead: int

    @property
    def a_second(self) -> float:
        return self.number / self.seconds

    @property
    def refused(self) -> int:
        return self.number - self.answers.get("202", 0)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """`kept_only`: the same steady load of a repository that is not ours to work on, whose events are read and dropped."""

    steady: Load
    kept_only: Load
    burst: Load


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A receiver that runs, and the Postgres under it."""

    process: subprocess.Popen[bytes]
    url: str
    secret_file: Path
    environment: dict[str, str]
    database: str
    postmaster: int
    pump: frozenset[int]  # the threads that were there before any delivery

    def send(self, number: int, *, rate: float = 0.0, repository: str = REPOSITORY) -> subprocess.Popen[bytes]:
        """The sender, begun; what it prints is sender.py's."""
        options = ("--number", str(number), "--rate", str(rate), "--repository", repository)
        command = [sys.executable, "-m", "benchmarks.sender", self.url, str(self.secret_file), *options]
        return subprocess.Popen(command, cwd=CHECKOUT, env=self.environment, stdout=subprocess.PIPE)

    def load(self, number: int, *, rate: float = 0.0, repository: str = REPOSITORY) -> Load:
        _said(self.send(20, repository=repository))
        self.settled()
        stored, _, dead = self.standing()
        before = self._used()
        said = _said(self.send(number, rate=rate, repository=repository))
        ended = time.perf_counter()
        self.settled()
        behind = time.perf_counter() - ended
        used = {name: (after - before[name]) * 1000 / number for name, after in self._used().items()}
        took = statistics.quantiles(said["took"], n=100, method="inclusive")
        now, _, dead_now = self.standing()
        return Load(
            number=number,
            answers=said["answers"],
            seconds=said["seconds"],
            p50=took[49],
            p99=took[98],
            most=max(said["took"]),
            sender=said["cpu"] * 1000 / number,
            behind=behind,
            stored=now - stored,
            dead=dead_now - dead,
            **used,
        )

    def standing(self) -> tuple[int, int, int]:
        """How many events are kept, how many of them projected, how many dead."""
        with psycopg.connect(self.database) as connection:
            row = connection.execute(_STANDING).fetchone()
        assert row is not None
        return row

    def settled(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while (counts := self.standing())[0] > counts[1]:
            if time.monotonic() > deadline:
                raise SystemExit(f"not projected after {_PATIENCE:.0f} s: {counts}")
            time.sleep(0.1)

    def _used(self) -> dict[str, float]:
        threads = cpu.of_threads(self.process.pid)
        return {
            "receiver": cpu.of(self.process.pid),
            "pump": sum(spent for thread, spent in threads.items() if thread in self.pump),
            "postgres": cpu.of_family(self.postmaster),
        }


def measure(*, rate: float = 200.0, seconds: float = 60.0, burst: int = 5000) -> Measured:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, receiving(Path(folder) / "home") as receiver:
        steady = receiver.load(int(rate * seconds), rate=rate)
        kept_only = receiver.load(int(rate * seconds), rate=rate, repository=_ELSEWHERE)
        return Measured(steady=steady, kept_only=kept_only, burst=receiver.load(burst))


@contextlib.contextmanager
def receiving(home: Path) -> Generator[Receiver]:
    home.mkdir(parents=True)
    with postgres.running(home) as server:
        schema.upgrade(server.url("oneshot"))
        postmaster = int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        environment = _environment(home)
        process = start(environment, home / "serve.log")
        try:
            yield Receiver(
                process=process,
                url=f"http://127.0.0.1:{environment['ONESHOT_PORTS__HOOKS']}/webhooks/github",
                secret_file=home / "secret",
                environment=environment,
                database=server.url("oneshot", "postgresql"),
                postmaster=postmaster,
                pump=frozenset(cpu.of_threads(process.pid)) - {process.pid},
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def start(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A receiver of these settings, once it answers."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "oneshot_dagster.cli.main", "serve", "--no-ui"],
            cwd=CHECKOUT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=said,
        )
    assert process.stdout is not None
    if not process.stdout.readline().startswith(b"hooks: http://"):
        raise SystemExit(log.read_text(errors="replace"))
    return process


def _environment(home: Path) -> dict[str, str]:
    (home / "secret").write_text("the secret of a benchmark\n")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(CHECKOUT),
        "ONESHOT_HOME": str(home),
        "DAGSTER_HOME": str(CHECKOUT),
        "ONESHOT_REPOSITORIES": f'["{REPOSITORY}"]',
        "ONESHOT_GITHUB__WEBHOOK_SECRET_FILE": str(home / "secret"),
        "ONESHOT_PORTS__HOOKS": str(free_port()),
    }


def _said(sender: subprocess.Popen[bytes]) -> dict[str, Any]:
    out, _ = sender.communicate(timeout=600)
    found: dict[str, Any] = json.loads(out)
    return found


if __name__ == "__main__":
    found = measure(seconds=float(sys.argv[1]) if len(sys.argv) > 1 else 10.0, burst=2000)
    for name in ("steady", "kept_only", "burst"):
        print(name, getattr(found, name))
