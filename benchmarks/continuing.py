"""From a gate's opening to the first step of the continued run, one change after another, and what the time between is.
The forge tells the web process, whose pump projects and launches; all times are of one machine's clock."""

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from benchmarks.standing import beside
from benchmarks.world import World, running
from oneshot_dagster.domain.change import ChangeKey

_REPOSITORY = "acme/continued"
_PATIENCE = 120.0
_ATTEMPT = """select r.head_sha, r.awaited_what, r.state, r.reason, r.evidence_head is not null,
  (select dagster_run_id::text from codex_judge.launches l where l.run_id = r.id order by seq desc limit 1)
from codex_judge.runs r where r.repository = %s and r.issue_number = %s order by attempt desc limit 1"""
_HEARD = """select extract(epoch from received_at), extract(epoch from processed_at) from jangar_github.events
where event_type = 'status' and commit_sha = %s and payload ->> 'context' = 'ci' order by id limit 1"""
_LAUNCHED = """select extract(epoch from l.created_at), l.dagster_run_id::text from codex_judge.launches l
join codex_judge.runs r on r.id = l.run_id
where r.repository = %s and r.issue_number = %s and l.created_at > to_timestamp(%s) order by l.seq limit 1"""
_RUN = """select r.status, r.start_time,
  (select extract(epoch from min(e.timestamp)) from event_logs e where e.run_id = r.run_id and e.dagster_event_type = 'STEP_START')
from runs r where r.run_id = %s"""


@dataclass(kw_only=True)
class Measured:
    """Seconds. `parts` of each change, in the order in which they come; their sum is its whole."""

    parts: list[dict[str, float]] = field(default_factory=list)

    @property
    def whole(self) -> list[float]:
        return [sum(one.values()) for one in self.parts]

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.whole, n=20, method="inclusive")[18] if len(self.parts) > 1 else self.whole[0]


def measure(world: World, *, number: int = 20) -> Measured:
    world.plant(_REPOSITORY.partition("/")[2], has_ci=False)
    measured = Measured()
    over = {"ONESHOT_REPOSITORIES": f'["{_REPOSITORY}"]', "ONESHOT_HOLD_SECONDS": "0"}
    with beside(world, "--web", **over) as environment:
        hooks = f"http://127.0.0.1:{environment['ONESHOT_PORTS__HOOKS']}/webhooks/github"
        world.forge.add_hook(_REPOSITORY, hooks, secret=(world.home / "tokens" / "webhooks").read_text())
        _continued(world)  # what the stack does once
        for _ in range(number):
            measured.parts.append(_continued(world))
    return measured


def _continued(world: World) -> dict[str, float]:
    forge = world.forge
    issue = forge.create_issue(_REPOSITORY, "Change the README", "Add a line.", labels=["oneshot"])
    key = ChangeKey.parse(f"{_REPOSITORY}#{issue['number']}")
    with (
        psycopg.connect(world.server.url("oneshot", "postgresql"), autocommit=True) as ours,
        psycopg.connect(world.server.url("dagster", "postgresql"), autocommit=True) as dagsters,
    ):

        def of(query: str, *words: object) -> tuple[object, ...]:
            return ours.execute(query.encode(), words).fetchone() or ()

        def parked() -> str | None:
            sha, awaited, *_, run = of(_ATTEMPT, key.repository, key.issue_number) or (None,) * 6
            over = run and (dagsters.execute(_RUN, (run,)).fetchone() or ("",))[0] == "SUCCESS"
            return str(sha) if awaited == "ci" and over else None

        sha = _await(parked, f"{key} parks", lambda: of(_ATTEMPT, key.repository, key.issue_number))
        time.sleep(2)  # what its parking told is heard
        opened = time.time()
        forge.api("POST", _REPOSITORY, f"/statuses/{sha}", {"state": "success", "context": "ci"})
        launched, run = _await(lambda: of(_LAUNCHED, key.repository, key.issue_number, opened), f"{key} is launched")
        started = _await(lambda: (dagsters.execute(_RUN, (run,)).fetchone() or (0, 0, 0))[1:], "its run", full=True)
        kept, projected = _await(lambda: of(_HEARD, sha), "it is heard", full=True)
        _await(lambda: of(_ATTEMPT, key.repository, key.issue_number)[4:5], f"{key} ends", full=True)
    moments = [opened, *map(float, (kept, projected, launched, *started))]
    names = ("told and kept", "projected", "looked at, launch row", "queued, the worker starts", "first step")
    return dict(zip(names, (b - a for a, b in itertools.pairwise(moments)), strict=True))


def _await(look: Callable[[], object], what: str, why: Callable[[], object] = str, *, full: bool = False):
    """What `look` finds, once it finds something; `full`: once nothing of it is missing."""
    ended = time.monotonic() + _PATIENCE
    while not (found := look()) or (full and not all(found)):
        if time.monotonic() > ended:
            raise SystemExit(f"not within {_PATIENCE:.0f} s: {what}; {why()}")
        time.sleep(0.1)
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, running(Path(folder) / "home") as world:
        found = measure(world, number=int(sys.argv[1]))
    for one in found.parts:
        print({name: round(seconds, 2) for name, seconds in one.items()}, round(sum(one.values()), 2))
    print(statistics.median(found.whole), found.p95)
