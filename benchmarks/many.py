"""Many changes of one repository at once: how long until all are completed, what one costs, in which order they land.
Each adds a file of its own and is brought up to date before it lands, so that each merge makes all others stale."""

import functools
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import cpu
from benchmarks.standing import beside
from benchmarks.world import World, git, running

_REPOSITORY = "acme/many"
_PATIENCE = 900.0
_LOOK_EVERY = 0.2
_AGENT = (
    "sh",
    "-c",
    'cat > /dev/null; echo changed > "$(mktemp ./change-XXXXXX)"; echo \'{"kind": "message", "text": "done"}\'',
)
_STANDING = """select issue_number, state, awaited_what, reason from codex_judge.runs
where repository = %s and issue_number = any(%s)"""
_QUEUE = "select q.id, r.issue_number from codex_judge.lane_queue q join codex_judge.runs r on r.id = q.run_id"
_LANDED = """select r.issue_number, r.merge_sha, r.judged_sha,
  (select count(*) from codex_judge.facts f where f.run_id = r.id and f.kind = 'landing'
     and f.data ->> 'expected_tree' = f.data ->> 'landed_tree'),
  (select count(*) from codex_judge.launches l where l.run_id = r.id)
from codex_judge.runs r where r.repository = %s and r.issue_number = any(%s)"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """`seconds` from the first label to the last completion; `cpu` of each part of the engine, `forge` apart.

    `overtaken`: pairs that landed against the order in which they asked for the lane. `launches`: Dagster runs in all.
    """

    number: int
    seconds: float
    cpu: Mapping[str, float]
    forge: float
    overtaken: int
    landing_checks: int
    forks: int
    launches: int

    @property
    def cpu_each(self) -> float:
        return sum(self.cpu.values()) / self.number


def measure(world: World, *, number: int = 20) -> Measured:
    world.plant(_REPOSITORY.partition("/")[2])
    over = {"ONESHOT_REPOSITORIES": json.dumps([_REPOSITORY]), "ONESHOT_AGENT__COMMAND": json.dumps(_AGENT)}
    with beside(world, "--web", **over) as environment:
        hooks = f"http://127.0.0.1:{environment['ONESHOT_PORTS__HOOKS']}/webhooks/github"
        world.forge.add_hook(_REPOSITORY, hooks, secret=(world.home / "tokens" / "webhooks").read_text())
        _completed(world, [_ask(world)])  # what the stack does once
        time.sleep(5)
        before, since, began = _used(world), _base(world), time.monotonic()
        issues = [_ask(world) for _ in range(number)]
        queue = _completed(world, issues)
        seconds = time.monotonic() - began
        time.sleep(2)  # the last workers end, and are counted
        used = {part: after - before[part] for part, after in _used(world).items()}
    forge = used.pop("forge")
    return _landed(world, issues, queue, since, seconds=seconds, used=used, forge=forge)


def _ask(world: World) -> int:
    return int(world.forge.create_issue(_REPOSITORY, "Add a file", "One more file.", labels=["oneshot"])["number"])


def _base(world: World) -> str:
    return str(world.forge.branch_sha(_REPOSITORY, "main"))


def _used(world: World) -> dict[str, float]:
    said = json.loads((world.home / "stack.json").read_text())
    postmaster = int((world.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    parts = {"runs and code server": "code server", "daemon": "daemon", "web": "web"}
    return {
        **{name: cpu.of_family(said["parts"][part]["pid"]) for name, part in parts.items()},
        "supervisor": cpu.of(said["pid"]),
        "Postgres": cpu.of_family(postmaster),
        "forge": cpu.of_family(world.forge_pid),
    }


def _completed(world: World, issues: Sequence[int]) -> list[int]:
    """Waits until all are; the issues in the order in which they asked for the lane."""
    asked: dict[int, int] = {}
    told, ended = "", time.monotonic() + _PATIENCE
    with psycopg.connect(world.server.url("oneshot", "postgresql"), autocommit=True) as connection:
        while True:
            asked |= dict(connection.execute(_QUEUE).fetchall())
            rows = connection.execute(_STANDING, (_REPOSITORY, list(issues))).fetchall()
            _refuse(rows, late=time.monotonic() > ended)
            standing = dict(Counter(f"{state} ({awaited})" if awaited else state for _, state, awaited, _ in rows))
            if str(standing) != told:
                told = str(standing)
                print(f"{time.strftime('%H:%M:%S')} {told}", file=sys.stderr, flush=True)
            if [state for _, state, *_ in rows] == ["completed"] * len(issues):
                return [issue for _, issue in sorted(asked.items()) if issue in issues]
            time.sleep(_LOOK_EVERY)


def _refuse(rows: Sequence[tuple[Any, ...]], *, late: bool) -> None:
    stuck = [row for row in rows if row[1] in {"needs_human", "needs_iteration", "cancelled"} or late]
    if stuck:
        raise SystemExit("\n".join(map(str, stuck)))


def _landed(
    world: World,
    issues: Sequence[int],
    queue: Sequence[int],
    since: str,
    *,
    seconds: float,
    used: Mapping[str, float],
    forge: float,
) -> Measured:
    clone = world.home / "planting" / "landed"
    clone.mkdir(parents=True, exist_ok=True)
    git(clone, "clone", "-q", "--bare", world.as_owner(_REPOSITORY), ".")
    with psycopg.connect(world.server.url("oneshot", "postgresql"), autocommit=True) as connection:
        rows = connection.execute(_LANDED, (_REPOSITORY, list(issues))).fetchall()
    by_sha = {merge_sha: issue for issue, merge_sha, *_ in rows}
    line = git(clone, "rev-list", "--first-parent", "--reverse", f"{since}..main").split()
    landed = [by_sha[sha] for sha in line]
    places = [queue.index(issue) for issue in landed]
    if sorted(landed) != sorted(issues):
        raise SystemExit(f"{sorted(issues)} were asked for and {landed} landed")
    tree = functools.partial(world.git.tree, _REPOSITORY)
    return Measured(
        number=len(issues),
        seconds=seconds,
        cpu=used,
        forge=forge,
        overtaken=sum(a > b for a, b in itertools.combinations(places, 2)),
        # Nothing came between: what landed is the tree that was judged.
        landing_checks=sum(passed == 1 and tree(merge) == tree(head) for _, merge, head, passed, _ in rows),
        forks=len(git(clone, "rev-list", "--min-parents=2", f"{since}..main").split()),
        launches=sum(launches for *_, launches in rows),
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, running(Path(folder) / "home") as world:
        print(measure(world, number=int(sys.argv[1])))
