"""`oneshot run KEY` from a cold shell beside a running stack: from the command's start to its end, and where the time goes."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg

from benchmarks.standing import beside
from benchmarks.world import CHECKOUT, World, running

_STAGES = """select r.create_timestamp, r.start_time,  r.end_time,
  (select min(e.timestamp) from event_logs e where e.run_id = r.run_id and e.dagster_event_type = 'PIPELINE_ENQUEUED') enqueued,
  (select min(e.timestamp) from event_logs e where e.run_id = r.run_id and e.dagster_event_type = 'PIPELINE_STARTING') dequeued
  from runs r join run_tags t on t.run_id = r.run_id where t.key = 'dagster/partition' and t.value = %s"""


@dataclass(kw_only=True)
class Measured:
    """Seconds; the stages in the order in which they come, their sum is the whole."""

    whole: list[float] = field(default_factory=list)
    stages: list[dict[str, float]] = field(default_factory=list)


def main(*, rounds: int = 5) -> Measured:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, running(Path(folder) / "home") as world:
        return measure(world, rounds=rounds)


def measure(world: World, *, rounds: int) -> Measured:
    measured = Measured()
    with beside(world) as environment:
        _run(world, environment, "cold99")  # what the stack does once
        for number in range(rounds):
            whole, stages = _run(world, environment, f"cold{number:02}")
            measured.whole.append(whole)
            measured.stages.append(stages)
    return measured


def _run(world: World, environment: dict[str, str], name: str) -> tuple[float, dict[str, float]]:
    key = world.plant(name)
    began, clock = time.time(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "oneshot_dagster.cli.main", "run", str(key)],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        check=False,
    )
    whole = time.perf_counter() - clock
    if done.returncode != 0:
        raise SystemExit((done.stdout + done.stderr).decode(errors="replace"))
    with psycopg.connect(world.server.url("dagster", "postgresql")) as connection:
        row = connection.execute(_STAGES, (str(key),)).fetchone()
    assert row is not None
    created, enqueued, dequeued, started, ended = (_seconds(row[n]) for n in (0, 3, 4, 1, 2))
    del enqueued
    return whole, {
        "imports, intake and the run's row": created - began,
        "in the queue": dequeued - created,
        "the run worker starts": started - dequeued,
        "the run": ended - started,
        "seen and ended": began + whole - ended,
    }


def _seconds(at: object) -> float:
    """Dagster keeps times without a zone, in UTC, and as seconds."""
    return at.timestamp() if isinstance(at, datetime) else float(str(at))


if __name__ == "__main__":
    found = main(rounds=3)
    print([round(w, 2) for w in found.whole])
    for stages in found.stages:
        print({name: round(seconds, 2) for name, seconds in stages.items()})
