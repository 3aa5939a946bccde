"""A whole run of one change against a plain script that makes the same git commands and HTTP calls, in turn.
Null agent, null CI delay, null deploy: what is left is Dagster, the database and our own code."""

import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.world import CHECKOUT, ENGINE, World, running

_STOCK = """storage:
  postgres:
    postgres_url: {url}
run_retries:
  enabled: false
telemetry:
  enabled: false
nux:
  enabled: false
"""


@dataclass(kw_only=True)
class Measured:
    """Seconds of each round; `watched` is of one more run, which the watching itself slowed a little."""

    ours: list[dict[str, Any]] = field(default_factory=list)
    script: list[dict[str, Any]] = field(default_factory=list)
    stock: list[dict[str, Any]] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)
    stock_connections: list[int] = field(default_factory=list)
    watched: list[dict[str, Any]] = field(default_factory=list)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    differing: Counter[tuple[str, str]] = field(default_factory=Counter)

    def median(self, of: str, what: str) -> float:
        return statistics.median(one[what] for one in getattr(self, of))

    def least(self, of: str, what: str) -> float:
        return min(one[what] for one in getattr(self, of))

    def over(self, what: str) -> float:
        """Ours over the script, the median of the rounds' differences."""
        return statistics.median(o[what] - s[what] for o, s in zip(self.ours, self.script, strict=True))

    def spent(self, what: str) -> float:
        return statistics.median(one["watched"]["seconds"].get(what, 0.0) for one in self.watched)

    def counted(self, what: str) -> int:
        """Of everything whose name begins so."""
        return sum(n for name, n in self.watched[-1]["watched"]["counts"].items() if name.startswith(what))


def main(*, rounds: int = 7, watched: int = 3, stock: int = 1) -> Measured:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, running(Path(folder) / "home") as world:
        return measure(world, rounds=rounds, watched=watched, stock=stock)


def measure(world: World, *, rounds: int, watched: int, stock: int) -> Measured:
    """At least one watched run: the script repeats the calls of the last of them."""
    measured = Measured()
    if rounds:
        _run(world, "warm00")  # Dagster makes its tables
    for number in range(watched):
        measured.watched.append(_run(world, f"seen{number:02}", "--watch"))
    measured.requests = _requests(world)
    for number in range(rounds):
        before = world.connections()
        measured.ours.append(_run(world, f"ours{number:02}"))
        measured.connections.append(world.connections() - before)
        repeat(world, measured, f"copy{number:02}")
    for number in range(stock):
        before = world.connections()
        measured.stock.append(_run(world, f"full{number:02}", "--stock", home=_stock_home(world)))
        measured.stock_connections.append(world.connections() - before)
    return measured


def repeat(world: World, measured: Measured, target: str) -> None:
    """The script, in a new repository of that name."""
    source = f"seen{len(measured.watched) - 1:02}"
    measured.script.append(_script(world, measured.watched[-1], source, target))
    asked = _requests(world)
    measured.differing |= (asked - measured.requests) | (measured.requests - asked)


def _run(world: World, name: str, *options: str, home: Path | None = None) -> dict[str, Any]:
    key = world.plant(name)
    world.forge.clear_requests()
    out = world.home / f"{name}.json"
    environment = world.environment(**({"DAGSTER_HOME": str(home)} if home else {}))
    log = world.home / f"{name}.log"
    with log.open("wb") as said:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.worker", str(key), str(out), *options],
            cwd=CHECKOUT,
            env=environment,
            stdout=said,
            stderr=said,
            check=False,
        )
    if done.returncode != 0:
        raise SystemExit(log.read_text(errors="replace")[-6000:])
    took: dict[str, Any] = json.loads(out.read_text())
    pull = world.forge.pulls(key.repository, state="all")[0]
    if not pull.get("merged_at"):
        raise SystemExit(f"{key} was not merged:\n{log.read_text(errors='replace')[-6000:]}")
    return took


def _script(world: World, of: dict[str, Any], source: str, target: str) -> dict[str, Any]:
    world.plant(target)
    world.forge.clear_requests()
    calls = of["watched"]["calls"]
    file, out = world.home / f"{source}.calls", world.home / f"{target}.json"
    file.write_text(json.dumps(calls))
    command = [sys.executable, "-m", "benchmarks.script", str(file), str(out), source, target, world.token]
    subprocess.run(command, cwd=CHECKOUT, env=world.environment(), check=True)
    took: dict[str, Any] = json.loads(out.read_text())
    return took


def _requests(world: World) -> Counter[tuple[str, str]]:
    """What the forge was asked by the engine since its log was emptied; names, ids and SHAs, which differ, made alike."""
    asked: Counter[tuple[str, str]] = Counter()
    for request in world.forge.requests():
        if request["login"] == ENGINE or ".git/" in request["path"]:
            path = re.sub(r"acme/\w+|[0-9a-f]{40}|(?<=comments/)\d+", "…", request["path"])
            asked[request["method"], path] += 1
    return asked


def _stock_home(world: World) -> Path:
    home = world.home / "stock"
    home.mkdir(exist_ok=True)
    with psycopg.connect(world.server.url("postgres", "postgresql"), autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = 'stock'").fetchone():
            connection.execute("create database stock")
    url = world.server.url("stock", "postgresql+psycopg2")
    (home / "dagster.yaml").write_text(_STOCK.format(url=url))
    return home


if __name__ == "__main__":
    found = main(rounds=2, watched=1, stock=0)
    print({k: v for k, v in vars(found).items() if k != "watched"})
    print(found.watched[-1]["watched"]["seconds"], found.watched[-1]["watched"]["counts"])
