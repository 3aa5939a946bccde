"""What waiting costs: CPU of the stack with its sensors stopped, with nothing parked, and with many changes parked.
And whether each is glanced at often enough, and an opened gate found, where no webhook tells of anything."""

import itertools
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from benchmarks import cpu
from benchmarks.parking import REPOSITORY, Pull, park
from benchmarks.standing import beside
from benchmarks.world import CHECKOUT, ENGINE, World, running

_EVERY = 10.0  # seconds between two looks at when each was glanced at; a round of glances takes longer
_PATIENCE = 900.0
_TICK = 6.0
_AT_REST = """select count(*) from codex_judge.looks l join codex_judge.runs r on r.id = l.run_id
where l.due > clock_timestamp() and l.glanced_at is not null
  and (l.woken_at is null or l.woken_at < l.read_at - interval '6 s') and r.updated_at < l.read_at - interval '6 s'"""
_GLANCES = """select l.run_id::text, l.glanced_at from codex_judge.looks l join codex_judge.runs r on r.id = l.run_id
where l.glanced_at is not null and r.repository = %s"""  # what other measurements left in this world waits for nothing


@dataclass(frozen=True, kw_only=True)
class Minute:
    """CPU seconds a minute of each part, and GraphQL queries a minute."""

    code_server: float
    daemon: float
    postgres: float
    queries: float

    @property
    def cpu(self) -> float:
        return self.code_server + self.daemon + self.postgres


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds: `started` until the stack stood that found them all parked, `settled` until each was read and glanced at and
    rested, `apart` the longest between two glances at one, `found` from a gate's opening to the first reading of it."""

    parked: int
    stopped: Minute
    none: Minute
    many: Minute
    started: float
    settled: float
    apart: float
    found: float


def measure(world: World, *, number: int = 1000, seconds: float = 60.0, watched: float = 180.0) -> Measured:
    world.plant(REPOSITORY.partition("/")[2], has_ci=False)
    over = {"ONESHOT_REPOSITORIES": json.dumps([REPOSITORY])}
    with beside(world, **over) as environment:
        _sensors(environment, "stop")
        stopped = _minute(world, seconds)
        _sensors(environment, "start")
        none = _minute(world, seconds)
        _told(f"{stopped=} {none=}")
    pulls = park(world, environment, number)  # while nothing runs that would begin with them
    _told("parked")
    began = time.monotonic()
    with beside(world, **over):
        started = time.monotonic() - began
        _told(f"{started=}")
        settled = started + _settle(world, number)
        many = _minute(world, seconds)
        _told(f"{settled=} {many=}")
        apart = _apart(world, watched)
        found = _found(world, pulls[len(pulls) // 2])
    return Measured(
        parked=number,
        stopped=stopped,
        none=none,
        many=many,
        started=started,
        settled=settled,
        apart=apart,
        found=found,
    )


def _told(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def _sensors(environment: dict[str, str], what: str) -> None:
    from oneshot_dagster.definitions import defs

    workspace = str(Path(environment["ONESHOT_HOME"]) / "workspace.yaml")
    command = (sys.executable, "-m", "dagster", "sensor", what)
    asked = [
        subprocess.Popen(
            [*command, sensor.name, "-w", workspace], cwd=CHECKOUT, env=environment, stdout=subprocess.DEVNULL
        )
        for sensor in defs.sensors or ()
    ]
    codes = [one.wait(timeout=_PATIENCE) for one in asked]
    if any(codes):
        raise SystemExit(f"the sensors did not {what}")


def _minute(world: World, seconds: float) -> Minute:
    time.sleep(min(_TICK, seconds * _TICK))  # a tick under way ends
    world.forge.clear_requests()
    before, began = _used(world), time.monotonic()
    time.sleep(seconds)
    a_minute = 60 / (time.monotonic() - began)
    used = {part: (after - before[part]) * a_minute for part, after in _used(world).items()}
    queries = sum(one["login"] == ENGINE and one["graphql"] is not None for one in world.forge.requests())
    return Minute(**used, queries=queries * a_minute)


def _used(world: World) -> dict[str, float]:
    parts = json.loads((world.home / "stack.json").read_text())["parts"]
    postmaster = int((world.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    return {
        "code_server": cpu.of_family(parts["code server"]["pid"]),
        "daemon": cpu.of_family(parts["daemon"]["pid"]),
        "postgres": cpu.of_family(postmaster),
    }


def _settle(world: World, number: int) -> float:
    began = time.monotonic()
    with psycopg.connect(world.server.url("oneshot", "postgresql"), autocommit=True) as connection:
        while (row := connection.execute(_AT_REST).fetchone()) is None or row[0] < number:
            if time.monotonic() - began > _PATIENCE:
                raise SystemExit(f"of {number} changes {row} rest after {_PATIENCE:.0f} s")
            time.sleep(2)
    return time.monotonic() - began


def _apart(world: World, seconds: float) -> float:
    """What passed between the last two glances at a change, or has passed since the last, whatever is longest."""
    seen: dict[str, list[datetime]] = {}
    with psycopg.connect(world.server.url("oneshot", "postgresql"), autocommit=True) as connection:
        began = _now(connection)
        ended = time.monotonic() + seconds
        while time.monotonic() < ended:
            for run, at in connection.execute(_GLANCES, (REPOSITORY,)).fetchall():
                times = seen.setdefault(run, [])
                times += [at] if at not in times else []
            time.sleep(_EVERY)
        now = _now(connection)
    gaps = (
        (later - earlier).total_seconds()
        for times in seen.values()
        for earlier, later in itertools.pairwise([*times, now])
        if later > began
    )
    return max(gaps)


def _now(connection: psycopg.Connection) -> datetime:
    row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    return row[0]


def _found(world: World, pull: Pull) -> float:
    """From the check's success to the first question after its commit, by the forge's log."""
    world.forge.clear_requests()
    began = time.monotonic()
    world.forge.api("POST", REPOSITORY, f"/statuses/{pull.sha}", {"state": "success", "context": "ci"})
    while not any(pull.sha in one["path"] and one["login"] == ENGINE for one in world.forge.requests()):
        if time.monotonic() - began > _PATIENCE:
            raise SystemExit(f"an opened gate was not found in {_PATIENCE:.0f} s")
        time.sleep(0.5)
    return time.monotonic() - began


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, running(Path(folder) / "home") as world:
        print(measure(world, number=int(sys.argv[1]), seconds=float(sys.argv[2]), watched=float(sys.argv[3])))
