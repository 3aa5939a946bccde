"""What the world itself shows of a change: git on the forge, pull requests, the supervisor's starts, processes."""

import subprocess
from pathlib import Path

from world_fixtures import World, served

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.evidence import Verified, verify
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.local.demo import serving
from oneshot_dagster.steps.services import Services


def git(world: World, *arguments: str) -> str:
    bare = next((world.home / "forge").rglob("shop.git"))
    return subprocess.run(["git", "-C", bare, *arguments], check=True, capture_output=True, text=True).stdout


def tip(world: World, branch: str = "main") -> str:
    return git(world, "rev-parse", f"refs/heads/{branch}").strip()


def branches(world: World) -> set[str]:
    return set(git(world, "for-each-ref", "--format=%(refname:short)", "refs/heads").split())


def pulls(world: World, key: ChangeKey) -> list[dict]:
    found = world.forge.pulls(key.repository, state="all")
    return [pull for pull in found if pull["head"]["ref"] == f"codex/issue-{key.issue_number}"]


def merges(world: World, since: str) -> list[str]:
    return git(world, "rev-list", "--first-parent", f"{since}..refs/heads/main").split()


def deploys(world: World, sha: str) -> int:
    starts = served(world.shop_url)["starts"]
    assert isinstance(starts, list)
    return sum(sha in str(start) for start in starts)


def pushes(services: Services, key: ChangeKey) -> list[str]:
    return [w.key for w in services.store.writes.of(key) if w.action == "push" and w.outcome == "done"]


def strays(world: World) -> list[str]:
    """Processes that work in a worktree or a scratch folder of this world."""
    roots = [str(world.home / "worktrees"), str(world.home / "scratch")]
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            place = str((process / "cwd").readlink())
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if any(place.startswith(root) for root in roots):
            found.append(f"{process.name} in {place}: {line}")
    return found


def assert_done_once(world: World, services: Services, key: ChangeKey, *, since: str) -> None:
    """Completed, with one of everything, and nothing left open or running."""
    attempts = services.store.runs.all_of(key)
    attempt = attempts[-1]
    assert attempt.state is State.COMPLETED, attempt.reason
    assert len(attempts) == 1
    assert len(pushes(services, key)) == 1
    assert len(pulls(world, key)) == 1
    assert merges(world, since) == [attempt.merge_sha]
    assert f"codex/issue-{key.issue_number}" not in branches(world)
    assert deploys(world, attempt.merge_sha or "") == 1
    assert len(world.forge.api("GET", key.repository, "/deployments", sha=attempt.merge_sha or "")) == 1
    assert [w.key for w in services.store.writes.of(key) if w.outcome is None] == []
    assert _comments(world, key, attempt.pr_number or 0) == [f"oneshot:{key}:status", f"oneshot:{key}:evidence-1"]
    assert our_checks(world, attempt.head_sha or "")[-1] == "success"
    assert_evidence_verifies(services, key)
    assert strays(world) == []


def assert_taken_back_once(world: World, services: Services, key: ChangeKey, *, since: str) -> None:
    """A change that failed when it was deployed: restored, reverted and done again, with one of everything for each attempt."""
    attempts = services.store.runs.all_of(key)
    told = [(a.kind.value, a.state.value, a.reason) for a in attempts]
    assert [a.kind for a in attempts] == [Kind.IMPLEMENT, Kind.REVERT, Kind.IMPLEMENT], told
    assert [a.state for a in attempts] == [State.NEEDS_ITERATION, State.COMPLETED, State.COMPLETED], told
    merged = [attempt.merge_sha or "" for attempt in attempts]
    assert merges(world, since) == merged[::-1]
    assert git(world, "diff", "--name-only", since, merged[1]) == ""
    served_before, *_ = [s for s in reversed(serving.deployed(world.shop_url)) if s not in merged]
    assert serving.deployed(world.shop_url)[-4:] == [merged[0], served_before, *merged[1:]]
    assert [deploys(world, sha) for sha in merged] == [1, 1, 1]
    assert len({attempt.pr_number for attempt in attempts}) == 3
    writes = services.store.writes.of(key)
    for attempt in attempts:
        done = [w.action for w in writes if w.attempt_id == attempt.id and w.outcome == "done"]
        undone = 1 if attempt.number == attempts[0].number else 0
        assert [done.count(a) for a in ("push", "open_pr", "merge", "start_deployment")] == [1, 1, 1, 1], done
        assert done.count("undo") == undone
        assert len(world.forge.api("GET", key.repository, "/deployments", sha=attempt.merge_sha or "")) == 1
        assert sealed_evidence(services, attempt).ok
    assert [w.key for w in writes if w.outcome is None] == []
    assert branches(world) == {"main"}
    assert strays(world) == []


def assert_evidence_verifies(services: Services, key: ChangeKey) -> None:
    assert sealed_evidence(services, services.store.runs.all_of(key)[-1]).ok


def sealed_evidence(services: Services, attempt: Attempt) -> Verified:
    files = [f for f in services.store.artifacts.files(attempt.id) if f.name == "evidence.jsonl"]
    content = services.blobs.get(files[-1].sha256)
    assert content is not None
    return verify(content, attempt.evidence_head)


def our_checks(world: World, sha: str) -> list[str]:
    """The states of our check at that commit, oldest first; with a personal token they are statuses."""
    statuses = world.forge.api("GET", "acme/shop", f"/commits/{sha}/statuses")
    return [s["state"] for s in reversed(statuses) if s["context"] == "oneshot"]


def _comments(world: World, key: ChangeKey, pr_number: int) -> list[str]:
    """The markers of ours, on the issue and then on the pull request."""
    marked = [
        str(comment["body"])
        for number in (key.issue_number, pr_number)
        for comment in world.forge.comments(key.repository, number)
    ]
    return [body.split()[1] for body in marked if body.startswith("<!-- oneshot:")]
