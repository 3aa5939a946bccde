"""Parked changes by the hundred: pull requests on the forge from one push, and what the engine knows of a change that waits.
`python -m benchmarks.parking FILE` writes the engine's part, in the environment of a stack; FILE holds the pull requests."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.world import CHECKOUT, ENGINE, World, git
from oneshot_dagster.domain.run import State

REPOSITORY = "acme/parked"
_TO_THE_GATE = (State.WORKTREE_READY, State.IMPLEMENTING, State.TESTING, State.PR_READY, State.AWAITING_CI)
_DAYS = 7  # until somebody is asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Pull:
    number: int
    sha: str
    base_sha: str
    url: str


def park(world: World, environment: dict[str, str], number: int) -> list[Pull]:
    """So many changes, each with a pull request of its own whose required check says nothing."""
    pulls = _open(world, number)
    file = world.home / "parked.json"
    file.write_text(json.dumps([{name: getattr(pull, name) for name in Pull.__slots__} for pull in pulls]))
    subprocess.run([sys.executable, "-m", "benchmarks.parking", str(file)], cwd=CHECKOUT, env=environment, check=True)
    return pulls


def _open(world: World, number: int) -> list[Pull]:
    forge, work = world.forge, world.home / "planting" / "parked"
    tips = "".join(
        f"commit refs/heads/change-{n}\ncommitter Ada <ada@example.test> 1700000000 +0000\ndata 1\nx\n"
        f"from refs/heads/main^0\nM 100644 inline change\ndata {len(str(n))}\n{n}\n\n"
        for n in range(number)
    )
    git(work, "fast-import", "--quiet", given=tips.encode())
    git(work, "push", "-q", world.as_owner(REPOSITORY), "refs/heads/change-*:refs/heads/change-*")
    opened = [
        forge.create_pull(REPOSITORY, head=f"change-{n}", base="main", title=f"Change {n}") for n in range(number)
    ]
    return [
        Pull(number=one["number"], sha=one["head"]["sha"], base_sha=one["base"]["sha"], url=one["html_url"])
        for one in opened
    ]


def main() -> None:
    import dagster as dg

    from oneshot_dagster.bootstrap import open_services

    services = open_services()
    try:
        with dg.DagsterInstance.get() as instance:
            for pull in json.loads(Path(sys.argv[1]).read_text()):
                run_id = _wait(services.store, pull)
                instance.add_run(dg.DagsterRun(job_name="one_shot", run_id=run_id, status=dg.DagsterRunStatus.SUCCESS))
    finally:
        services.close()


def _wait(store: Any, pull: dict[str, Any]) -> str:
    """A change that came to the gate and parked there, and the run in which it did."""
    from oneshot_dagster.domain.attempt import Awaited, Inputs
    from oneshot_dagster.domain.change import ChangeKey
    from oneshot_dagster.domain.run import Kind, Mode

    inputs = Inputs(
        base="main",
        head=f"change-{pull['number']}",
        prompt="",
        issue_title="A change that waits",
        issue_body="",
        issue_sha256="0" * 64,
        issue_author="ada",
        triggered_by="ada",
    )
    key = ChangeKey.parse(f"{REPOSITORY}#{pull['number']}")
    policy = f'mode = "merge"\n[tests]\nadvisory = true\n[gate]\nrequired_checks = ["ci"]\nci_wait = "{_DAYS}d"\n'
    attempt = store.runs.create(
        key, number=1, kind=Kind.IMPLEMENT, mode=Mode.MERGE, inputs=inputs, policy=policy, cause=ENGINE
    )
    fields = {name: pull[name] for name in ("base_sha",)} | {
        "head_sha": pull["sha"],
        "pr_number": pull["number"],
        "pr_url": pull["url"],
    }
    for state in _TO_THE_GATE:
        attempt = store.runs.transition(attempt, state, reason="parked by a benchmark", cause=ENGINE, fields=fields)
    launch = store.launches.add(attempt.id, seq=1, selection=["check_state"], reason="first", costs_retry=False)
    since = store.now()
    awaited = Awaited(what="ci", since=since, deadline=since + timedelta(days=_DAYS))
    store.runs.park(attempt.id, awaited, reason="ci says nothing yet")
    return launch.dagster_run_id


if __name__ == "__main__":
    main()
