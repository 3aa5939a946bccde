"""Runs that are killed in Dagster itself: the run process at telling points, then daemon, code server and workers together, then
Postgres and the stack. All is continued by the sensor alone, and everything outside happens once. More moments: every_kill.py."""

import contextlib
import os
import signal
from pathlib import Path

import dagster as dg
import httpx
import pytest
from stack_world import StackWorld

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.evidence import verify
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.local.demo.plant import REPOSITORY
from oneshot_dagster.services.blobs.local import LocalBlobs

pytestmark = pytest.mark.whole_run

INTENT = "store.writes.intend merge after"
POINTS = {
    "with-the-commit-made": ("git.commit_all - after",),
    "with-the-branch-pushed": ("git.push - after",),
    "before-the-gate-is-on-record": ("store.artifacts.record check_state before",),
    "with-the-merge-intended": (INTENT,),
    "with-the-merge-landed": (INTENT, "github.merge_async - after"),
    "with-the-deployment-started": ("deploy.start - after",),
    "before-it-is-completed": ("store.runs.transition completed before",),
}


@pytest.fixture(scope="module")
def killing(tmp_path_factory, make_lasting_database):
    """A stack whose processes die at the call that the file `crash` in its home names."""
    home = tmp_path_factory.mktemp("killing") / "home"
    made = StackWorld(home, database_url=make_lasting_database(), env={"ONESHOT_CRASH_FILE": str(home / "crash")})
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_is_continued_by_the_sensor(killing: StackWorld, point: str) -> None:
    key, issue = killing.issue(Kind.HAPPY)
    (killing.home / "crash").write_text("\n".join(POINTS[point]))

    said = killing.launch(key)

    assert said.code == 0, said
    wait_completed(killing, key)
    assert not (killing.home / "crash").exists()
    (attempt,) = killing.attempts(key)
    assert len(killing.store.launches.of(attempt.id)) == 2
    assert attempt.infrastructure_retries == 1
    assert_done_once(killing, key)
    assert issue.check(killing.service_url).ok


def test_daemon_code_server_and_worker_killed_together_the_change_completes(killing: StackWorld) -> None:
    key, issue = killing.issue(Kind.HAPPY)
    assert killing.launch(key).code == 0
    killing.wait_until(lambda: _state(killing, key) is State.AWAITING_CI, "it awaits CI")
    server, daemon = killing.part("code server"), killing.part("daemon")

    for pid in [daemon, *_workers(killing), server]:
        os.kill(pid, signal.SIGKILL)

    killing.wait_mended("code server", server)
    killing.wait_mended("daemon", daemon)
    wait_completed(killing, key)
    assert_done_once(killing, key)
    assert issue.check(killing.service_url).ok


def test_postgres_and_the_stack_killed_and_started_again_the_change_completes(make_world) -> None:
    world = make_world(embedded=True)
    world.start()
    key, issue = world.issue(Kind.HAPPY)
    assert world.launch(key).code == 0
    world.wait_until(lambda: _state(world, key) is State.AWAITING_CI, "it awaits CI")

    world.kill_postgres()
    world.kill()
    world.wait_until(lambda: not world.left_running(), "nothing of the stack is left")
    world.start()

    wait_completed(world, key)
    assert_done_once(world, key)
    assert issue.check(world.service_url).ok


def test_of_two_launches_at_once_the_second_says_that_it_did_nothing(killing: StackWorld) -> None:
    key, issue = killing.issue(Kind.HAPPY)
    assert killing.launch(key).code == 0
    assert killing.launch(key).code == 0

    wait_completed(killing, key)
    killing.wait_until(
        lambda: len(_runs(killing, key)) == 2 and all(r.is_finished for r in _runs(killing, key)), "both ended"
    )

    second, first = _runs(killing, key)
    assert [first.status.value, second.status.value] == ["SUCCESS", "SUCCESS"]
    assert "is completed; there is nothing to do" in second.tags["oneshot/outcome"]
    assert_done_once(killing, key)
    assert issue.check(killing.service_url).ok


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("nonsense", "could not read a change key"),
        ("Acme/Shop#1", "could not read a change key"),
        ("elsewhere/shop#1", "elsewhere/shop"),
        ("acme/shop#99999", "99999"),
    ],
)
def test_a_launch_that_cannot_be_run_fails_before_any_effect_with_one_sentence(
    killing: StackWorld, key: str, why: str
) -> None:
    said = _refused(killing, key)
    assert why in said
    assert "\n" not in said.strip()


def test_a_launch_without_a_key_is_refused(killing: StackWorld) -> None:
    before = {run.run_id for run in killing.instance().get_runs(limit=100)}
    done = killing.dagster("job", "launch", "-j", "one_shot", "-w", f"{killing.home}/workspace.yaml")
    assert done.code == 0, done
    run = _ended_run(killing, before)
    assert "no change named" in _failure(killing, run.run_id)


def test_the_number_of_a_pull_request_is_refused_and_names_its_change(killing: StackWorld) -> None:
    key, _ = killing.issue(Kind.HAPPY)
    assert killing.oneshot("run", str(key)).code == 0
    number = killing.attempts(key)[-1].pr_number
    assert str(key) in _refused(killing, f"{REPOSITORY}#{number}")


def test_a_closed_issue_is_refused(killing: StackWorld) -> None:
    key, _ = killing.issue(Kind.HAPPY)
    killing.forge().api("PATCH", REPOSITORY, f"/issues/{key.issue_number}", {"state": "closed"})
    assert "closed" in _refused(killing, str(key))
    assert killing.attempts(key) == ()


def test_an_invalid_policy_is_refused_with_its_line(killing: StackWorld, tmp_path: Path) -> None:
    killing.push_branch("broken", replace={".oneshot.toml": ('mode = "merge"', 'mode = "yolo"')}, scratch=tmp_path)
    key, _ = killing.issue(Kind.HAPPY)
    said = killing.oneshot("run", str(key), "--base", "broken")
    assert said.code == 2, said
    assert "mode" in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert killing.attempts(key) == ()


# What is seen from outside


def wait_completed(world: StackWorld, key: ChangeKey) -> None:
    world.wait_until(lambda: _state(world, key) is State.COMPLETED, f"{key} is completed", timeout=180)


def _state(world: StackWorld, key: ChangeKey) -> State | None:
    attempts = world.attempts(key)
    return attempts[-1].state if attempts else None


def assert_done_once(world: StackWorld, key: ChangeKey) -> None:
    (attempt,) = world.attempts(key)
    writes = world.store.writes.of(key)
    assert [write.key for write in writes if write.outcome is None] == []
    done = [write.action for write in writes if write.outcome == "done"]
    for action in ("push", "open_pr", "merge", "github_deployment", "start_deployment", "delete_branch"):
        assert done.count(action) == 1, writes
    forge = world.forge()
    pulls = [p for p in forge.pulls(REPOSITORY, state="all") if p["head"]["ref"] == key.branch]
    assert [pull["number"] for pull in pulls] == [attempt.pr_number]
    assert httpx.get(f"{world.service_url}/_supervisor").json()["deploys"][attempt.merge_sha] == 1
    files = [f for f in world.store.artifacts.files(attempt.id) if f.name == "evidence.jsonl"]
    content = LocalBlobs(world.home / "blobs").get(files[-1].sha256)
    assert content is not None
    assert verify(content, attempt.evidence_head).ok
    assert forge.violations() == []


def _runs(world: StackWorld, key: ChangeKey):
    """Newest first."""
    return world.instance().get_runs(filters=dg.RunsFilter(tags={"dagster/partition": str(key)}))


def _workers(world: StackWorld) -> list[int]:
    """The run processes, and the one that they are forked from: what descends from the code server."""
    parents = dict[int, int]()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    found, level = list[int](), [world.part("code server")]
    while level := [pid for pid, parent in parents.items() if parent in level]:
        found += level
    assert len(found) > 2, "no run is at work"
    return found


def _refused(world: StackWorld, key: str) -> str:
    """Launched through Dagster; the sentence with which its run failed, nothing outside having been touched."""
    before = {run.run_id for run in world.instance().get_runs(limit=100)}
    forge = world.forge()
    forge.clear_requests()
    assert world.launch(key).code == 0
    run = _ended_run(world, before)
    assert run.status.value == "FAILURE"
    assert world.materialized(run.run_id) == []
    written = [r for r in forge.requests() if r["login"] == "oneshot" and r["method"] != "GET" and not _reads(r)]
    assert written == []
    return _failure(world, run.run_id)


def _reads(request) -> bool:
    return request["path"].endswith("git-upload-pack") or "mutation" not in (request["graphql"] or "mutation")


def _ended_run(world: StackWorld, before: set[str]):
    def new():
        return [run for run in world.instance().get_runs(limit=20) if run.run_id not in before]

    world.wait_until(lambda: new() and new()[0].is_finished, "the run has ended")
    return new()[0]


def _failure(world: StackWorld, run_id: str) -> str:
    """What the run page shows: the failed step's error, else the run's."""
    events = [r.event_log_entry.dagster_event for r in world.instance().get_records_for_run(run_id).records]
    steps = [e for e in events if e and e.event_type is dg.DagsterEventType.STEP_FAILURE]
    if steps:
        error = steps[0].step_failure_data.error
        cause = error.cause or error
        return cause.message.partition(": ")[2] or cause.message
    return next(e.message for e in events if e and e.event_type is dg.DagsterEventType.RUN_FAILURE)
