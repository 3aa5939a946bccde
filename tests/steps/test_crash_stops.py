"""A stop before, during and after the merge intent: before it the attempt is cancelled, from it on it runs to its end."""

import pytest
from process_launcher import sealed, until
from world_facts import assert_done_once, assert_evidence_verifies, merges, pulls, tip

from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.intake import take_in

INTENT = "store.writes.intend merge after"


def _killed_at(resumed, *calls: str):
    """A change whose only run died there; nobody looked at it since."""
    world, services = resumed.world, resumed.services
    since = tip(world)
    key, _ = world.plant()
    (world.home / "crash").write_text("\n".join(calls))
    attempt = take_in(services, key, base=None, prompt="", by="ada")
    process = resumed.launcher.by_hand(key, f"killed-{key.issue_number}")
    process.join(60)
    assert process.exitcode == -9, resumed.launcher.said(key)
    return key, services.store.runs.by_id(attempt.id), since


def _stop(resumed, attempt) -> None:
    resumed.services.store.requests.add(attempt.id, kind="stop", by="ada")


def test_a_stop_before_the_merge_intent_cancels(resumed):
    key, attempt, since = _killed_at(resumed, "store.leases.enter_lane - after")
    _stop(resumed, attempt)
    ended = until(resumed.services, resumed.launcher, key, sealed)
    assert ended.state is State.CANCELLED
    assert merges(resumed.world, since) == []
    assert not pulls(resumed.world, key)[0]["merged_at"]
    assert resumed.services.store.requests.open(attempt.id) == ()
    assert_evidence_verifies(resumed.services, key)


def test_a_cancelled_change_does_not_keep_the_lane(resumed):
    key, attempt, since = _killed_at(resumed, "store.leases.enter_lane - after")
    _stop(resumed, attempt)
    until(resumed.services, resumed.launcher, key, sealed)
    other, _ = resumed.world.plant()
    take_in(resumed.services, other, base=None, prompt="", by="ada")
    until(resumed.services, resumed.launcher, other, sealed)
    assert_done_once(resumed.world, resumed.services, other, since=since)


@pytest.mark.parametrize(
    "calls",
    [(INTENT,), (INTENT, "github.merge_async - after"), (INTENT, "store.writes.settle - after")],
    ids=["intended", "landed", "known"],
)
def test_a_stop_from_the_merge_intent_on_is_too_late(resumed, calls):
    key, attempt, since = _killed_at(resumed, *calls)
    _stop(resumed, attempt)
    until(resumed.services, resumed.launcher, key, sealed)
    assert_done_once(resumed.world, resumed.services, key, since=since)
    assert resumed.services.store.requests.open(attempt.id) == ()
    replies = [f.data["to_person"] for f in resumed.services.store.facts.of(attempt.id) if f.kind == "reply"]
    assert any("too late" in str(reply) for reply in replies)


@pytest.mark.parametrize(
    "calls", [(INTENT, "github.merge_async - after"), (INTENT, "store.writes.settle - after")], ids=["landed", "known"]
)
def test_a_run_that_goes_on_does_not_cancel_what_has_landed(resumed, calls):
    """The stop came after the resumer had looked: the run itself meets it."""
    key, attempt, since = _killed_at(resumed, *calls)
    _stop(resumed, attempt)
    process = resumed.launcher.by_hand(key, f"goes-on-{key.issue_number}", ("merge", "deployment"))
    process.join(60)
    assert process.exitcode == 0
    assert resumed.services.store.runs.by_id(attempt.id).state is State.VERIFYING, resumed.launcher.said(key)
    until(resumed.services, resumed.launcher, key, sealed)
    assert_done_once(resumed.world, resumed.services, key, since=since)


def test_a_terminated_run_before_the_merge_cancels(resumed):
    key, _, since = _killed_at(resumed, "store.artifacts.record evaluation after")
    resumed.launcher.ended[f"killed-{key.issue_number}"] = "canceled"
    ended = until(resumed.services, resumed.launcher, key, sealed)
    assert ended.state is State.CANCELLED
    assert merges(resumed.world, since) == []


def test_a_cancelled_change_that_is_launched_again_goes_on_with_its_branch(resumed):
    """What it had made is not lost: the next attempt need not change anything to go on."""
    key, attempt, since = _killed_at(resumed, "store.leases.enter_lane - after")
    _stop(resumed, attempt)
    cancelled = until(resumed.services, resumed.launcher, key, sealed)
    take_in(resumed.services, key, base=None, prompt="", by="ada")
    ended = until(resumed.services, resumed.launcher, key, lambda a: a.number == 2 and sealed(a))
    assert ended.state is State.COMPLETED, ended.reason
    assert ended.head_sha == cancelled.head_sha
    assert len(pulls(resumed.world, key)) == 1
    assert merges(resumed.world, since) == [ended.merge_sha]


def test_a_run_killed_right_after_intake_is_continued(resumed):
    world, services, launcher = resumed.world, resumed.services, resumed.launcher
    since = tip(world)
    key, _ = world.plant()
    (world.home / "crash").write_text("store.runs.create - after")
    process = launcher.by_hand(key, f"killed-{key.issue_number}")
    process.join(60)
    assert process.exitcode == -9
    until(services, launcher, key, sealed)
    assert_done_once(world, services, key, since=since)
