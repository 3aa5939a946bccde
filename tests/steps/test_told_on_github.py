"""What people see on GitHub while a change goes its way: one comment that is edited, and our check at the head."""

import people
import pytest
from world_facts import our_checks
from world_fixtures import Engine

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind

ORDER = tuple(Artifact)


def through(engine: Engine, key, last: Artifact):
    """All steps up to that one."""
    return engine.run(key, *ORDER[: ORDER.index(last) + 1])


def comments(world, number) -> list[str]:
    return [c["body"] for c in world.forge.comments("acme/shop", number) if c["body"].startswith("<!-- oneshot:")]


def said(world, key) -> str:
    (only,) = comments(world, key.issue_number)
    return only.splitlines()[1]


def written(world, method: str, path: str) -> int:
    calls = [r for r in world.forge.requests() if r["login"] == "oneshot" and r["method"] == method]
    return sum(path in call["path"] for call in calls)


def test_one_comment_says_each_state_that_people_see_and_our_check_goes_from_pending_to_success(world, engine):
    key, _ = world.plant()
    one = engine()
    seen, states = [], []
    for artifact in Artifact:
        one.take(artifact, key)
        found = comments(world, key.issue_number)
        seen.append(found[0].splitlines()[1].split(".**")[0].lstrip("*") if found else None)
        head = one.attempt(key).head_sha
        states.append(our_checks(world, head)[-1:] if artifact not in ORDER[:3] else [])
    assert seen == [
        *[None] * 3,
        *["Waiting for ci and review"] * 2,
        "Being judged",
        "Judged, ready to merge",
        "Merged",
        *["Deployed, being verified"] * 2,
        "Done",
    ]
    assert states == [*[[]] * 3, *[["pending"]] * 3, *[["success"]] * 5]
    assert len(comments(world, key.issue_number)) == 1
    assert our_checks(world, one.attempt(key).head_sha) == ["pending", "success"]
    # One is evidence.
    assert (written(world, "POST", "/issues/"), written(world, "PATCH", "/issues/comments/")) == (
        2,
        5,
    )
    assert written(world, "POST", "/statuses/") == 2


def test_where_nothing_changed_nothing_is_written(world, engine):
    key, _ = world.plant()
    one = engine(hold_seconds=0.0)
    through(one, key, Artifact.FILE_SNAPSHOT)
    world.forge.clear_requests()
    for _ in range(3):
        one.take(Artifact.FILE_SNAPSHOT, key)
        one.take(Artifact.PULL_REQUEST, key)
    assert [r for r in world.forge.requests() if r["login"] == "oneshot" and r["method"] in {"POST", "PATCH"}] == []


def test_a_judgement_that_is_voided_takes_its_success_back(world, engine):
    key, _ = world.plant()
    one = engine(mode="propose")
    through(one, key, Artifact.MERGE)
    parked = one.attempt(key)
    assert (parked.state, our_checks(world, parked.head_sha)) == (State.MERGE_READY, ["pending", "success"])
    world.forge.open_thread("acme/shop", parked.pr_number, path="shop/cart.py", line=1, body="why?")
    one.take(Artifact.MERGE, key)
    assert one.attempt(key).state is State.AWAITING_CI
    assert our_checks(world, parked.head_sha) == ["pending", "success", "pending"]
    assert "Waiting for ci and review" in said(world, key)
    one.take(Artifact.CHECK_STATE, key)
    assert one.attempt(key).state is State.NEEDS_ITERATION
    assert our_checks(world, parked.head_sha)[-1] == "failure"
    assert "did not get through" in said(world, key)


def test_a_push_leaves_the_old_commit_s_verdict_and_gives_the_new_one_its_own(world, engine):
    key, _ = world.plant()
    one = engine(mode="propose")
    through(one, key, Artifact.MERGE)
    old = one.attempt(key).head_sha
    new = people.push(world, key.branch, {"NOTES.md": "By hand.\n"})
    one.take(Artifact.LOCAL_TEST_REPORT, key)
    one.take(Artifact.FILE_SNAPSHOT, key)
    assert our_checks(world, new) == ["pending"]
    assert f"`{new[:7]}`" in said(world, key)
    one.run(key, Artifact.CHECK_STATE, Artifact.EVALUATION)
    assert our_checks(world, new) == ["pending", "success"]
    assert our_checks(world, old) == ["pending", "success"]


def test_who_has_to_decide_is_told_once_on_the_pull_request_and_our_check_is_red(world, engine):
    key, _ = world.plant(Kind.NEEDS_HUMAN)
    one = engine()
    through(one, key, Artifact.EVALUATION)
    stopped = one.attempt(key)
    assert stopped.human_reason == "protected_path"
    one.take(Artifact.EVIDENCE, key)
    brief, evidence = comments(world, stopped.pr_number)
    assert f"Head of the chain: `{one.attempt(key).evidence_head}`" in evidence
    assert "needs a person" in brief
    assert "Stopped: a person has to decide" in said(world, key)
    assert our_checks(world, stopped.head_sha) == ["pending", "failure"]


def test_a_stopped_change_leaves_no_check_that_lets_it_be_merged(world, engine):
    key, _ = world.plant()
    one = engine(mode="propose")
    through(one, key, Artifact.MERGE)
    parked = one.attempt(key)
    one.services.store.requests.add(parked.id, kind="stop", by="ada")
    one.take(Artifact.MERGE, key)
    one.take(Artifact.EVIDENCE, key)
    assert one.attempt(key).state is State.CANCELLED
    assert our_checks(world, parked.head_sha)[-1] == "error"
    assert "Stopped on request" in said(world, key)


def test_a_status_comment_that_a_person_deleted_is_made_anew(world, engine):
    key, _ = world.plant()
    one = engine()
    through(one, key, Artifact.FILE_SNAPSHOT)
    (made,) = world.forge.comments("acme/shop", key.issue_number)
    world.forge.api("DELETE", "acme/shop", f"/issues/comments/{made['id']}")
    one.take(Artifact.CHECK_STATE, key)
    assert "Being judged" in said(world, key)


@pytest.mark.parametrize("answer", ["403", "502_before"])
def test_what_cannot_be_told_stops_no_change(world, engine, answer):
    key, issue = world.plant()
    one = engine()
    through(one, key, Artifact.LOCAL_TEST_REPORT)
    world.forge.arm(answer, method="POST", path=r"/(comments|statuses/\w+)$", times=0)
    one.run(key, *ORDER[3 : ORDER.index(Artifact.EVIDENCE)])
    assert one.attempt(key).state is State.VERIFYING
    assert comments(world, key.issue_number) == []
    assert any("not told on GitHub" in line for line in one.said)
    world.forge.clear_faults()
    one.take(Artifact.EVIDENCE, key)
    assert one.attempt(key).state is State.COMPLETED
    assert "Done" in said(world, key)
    assert our_checks(world, one.attempt(key).head_sha) == ["success"]
    assert issue.check(world.shop_url).ok
