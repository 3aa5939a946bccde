"""A branch that requires our own check: judged before it is there, merged only when it is, and never for its sake alone."""

import time

import people
from process_launcher import ProcessLauncher, sealed, until
from resumed import Resumed
from world_facts import assert_done_once, tip

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.intake import take_in

ORDER = tuple(Artifact)
SHOP = "acme/shop"


def word(world, attempt) -> str:
    return world.forge.pull(SHOP, attempt.pr_number)["mergeable_state"]


def test_a_branch_that_requires_ci_and_our_check_gets_to_completed(world, engine):
    world.forge.set_protection(SHOP, "main", contexts=["ci", "oneshot"], strict=True)
    key, issue = world.plant()
    one = engine()
    one.run(key, *ORDER[:5])
    assert word(world, one.attempt(key)) == "blocked"
    one.take(Artifact.CHECK_STATE, key)
    assert one.attempt(key).state is State.JUDGING
    assert word(world, one.attempt(key)) == "blocked"
    one.take(Artifact.EVALUATION, key)
    assert word(world, one.attempt(key)) == "clean"
    one.run(key, *ORDER[7:])
    assert one.attempt(key).state is State.COMPLETED, one.attempt(key).reason
    assert issue.check(world.shop_url).ok


def test_what_else_is_missing_keeps_it_from_being_judged(world, engine):
    key, _ = world.plant()
    one = engine(hold_seconds=5.0)
    one.run(key, *ORDER[:5])
    world.forge.set_protection(SHOP, "main", contexts=["ci", "oneshot", "e2e"])
    one.run(key, Artifact.CHECK_STATE, Artifact.EVALUATION)
    waiting = one.attempt(key)
    assert (waiting.state, waiting.awaited.what if waiting.awaited else None) == (State.AWAITING_CI, "ci")
    assert "e2e: has not reported" in waiting.reason


def test_somebody_else_s_status_of_our_name_opens_no_gate(world, engine):
    world.forge.set_protection(SHOP, "main", contexts=["oneshot"])
    key, _ = world.plant()
    one = engine(hold_seconds=0.0)
    one.run(key, *ORDER[:5])
    attempt = one.attempt(key)
    for context, state in (("slow", "pending"), ("oneshot", "success")):  # the forge's own CI may be done by now
        world.forge.api("POST", SHOP, f"/statuses/{attempt.head_sha}", {"state": state, "context": context})
    one.take(Artifact.CHECK_STATE, key)
    assert one.attempt(key).state is State.AWAITING_CI
    assert one.attempt(key).judged_sha is None


def test_a_rule_that_only_a_person_can_meet_keeps_a_judged_change_parked_and_judged(world, engine):
    """Its success posted, GitHub still blocks it: it is not judged again and again, and merges once that is lifted."""
    world.forge.set_protection(SHOP, "main", contexts=["ci", "oneshot"])
    key, _ = world.plant()
    one = engine(hold_seconds=0.0)
    one.run(key, *ORDER[:5])
    _until_judging(one, key)
    one.take(Artifact.EVALUATION, key)
    judged = one.attempt(key)
    world.forge.api("POST", SHOP, f"/statuses/{judged.head_sha}", {"state": "failure", "context": "oneshot"})
    one.take(Artifact.MERGE, key)
    parked = one.attempt(key)
    assert (parked.state, parked.judged_sha) == (State.MERGE_READY, judged.head_sha)
    assert parked.awaited is not None
    assert "our own check" in parked.reason
    world.forge.api("POST", SHOP, f"/statuses/{judged.head_sha}", {"state": "success", "context": "oneshot"})
    one.take(Artifact.MERGE, key)
    assert one.attempt(key).state is State.MERGED


def _until_judging(one, key) -> None:
    deadline = time.monotonic() + 60
    while one.attempt(key).state is not State.JUDGING:
        assert time.monotonic() < deadline, one.attempt(key).reason
        one.take(Artifact.CHECK_STATE, key)


def test_a_judged_branch_that_fell_behind_is_brought_up_to_date_and_merged(world):
    """GitHub says behind only once our check is there: the judgement must not chase it in a circle."""
    world.forge.set_protection(SHOP, "main", contexts=["ci", "oneshot"], strict=True)
    settings = world.settings(mode="merge", merge={"enabled": False})
    launcher = ProcessLauncher(settings=settings, logs=world.home / "runs")
    one = Resumed(world=world, services=open_services(settings), launcher=launcher)
    free = world.settings()
    freed = Resumed(
        world=world, services=open_services(free), launcher=ProcessLauncher(settings=free, logs=world.home / "runs")
    )
    try:
        key, issue = world.plant()
        take_in(one.services, key, base=None, prompt="", by="ada")
        until(one.services, launcher, key, lambda a: a.awaited is not None and a.state is State.MERGE_READY)
        world.forge.set_protection(SHOP, "main", contexts=None)
        people.push(world, "main", {"NEWS.md": "By hand.\n"})
        world.forge.set_protection(SHOP, "main", contexts=["ci", "oneshot"], strict=True)
        since = tip(world)
        ended = until(freed.services, freed.launcher, key, sealed)
        assert ended.state is State.COMPLETED, ended.reason
        assert_done_once(world, freed.services, key, since=since)
        assert len(freed.services.store.artifacts.evaluations(ended.id)) == 2
        assert issue.check(world.shop_url).ok
    finally:
        for each in (one, freed):
            each.launcher.close()
            each.services.close()
