"""What keeps a merge from beginning: a freeze until it is lifted, and an engine that slept while others went on."""

import pytest
from fault_matrix import Inline
from meanwhile import meanwhile
from process_launcher import sealed, until
from world_facts import assert_done_once, merges, tip

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.errors import LeaseLost
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.explain import explain
from oneshot_dagster.steps.freezing import freeze, unfreeze
from oneshot_dagster.steps.holds import HOLD_LABEL
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.resume import continue_changes

SHOP = "acme/shop"
LABELLED = f"the label {HOLD_LABEL} is on the pull request"
FROZEN = "merges are frozen in acme/shop"
FREE = "nothing holds the merge any more"
TO_MERGE_READY = tuple(Artifact)[:7]


def test_a_frozen_merge_waits_with_its_reason_and_goes_on_once_it_is_lifted(world, engine):
    services, since = engine(hold_seconds=5.0).services, tip(world)
    launcher = Inline(services)
    freeze(services, SHOP, reason="a release", by="grace")
    key, issue = world.plant()
    take_in(services, key, base=None, prompt="", by="ada")
    parked = until(services, launcher, key, lambda a: a.awaited is not None and a.awaited.what != "ci")
    assert (parked.state, parked.awaited.what) == (State.MERGE_READY, "merge"), parked.reason
    assert parked.reason.startswith("merges are frozen in acme/shop (by grace")
    assert [w.outcome for w in services.store.writes.of(key) if w.action == "merge"] == ["denied"]
    assert "waits for merge: merges are frozen" in continue_changes(services, launcher, only=key)[0]
    world.forge.label(SHOP, parked.pr_number, HOLD_LABEL)
    unfreeze(services, SHOP, by="grace")
    (woken,) = continue_changes(services, launcher)
    assert f"waits for merge: {LABELLED}" in woken
    assert _explained(services, key) == {LABELLED}
    freeze(services, SHOP, reason="an incident", by="grace")
    world.forge.api("DELETE", SHOP, f"/issues/{parked.pr_number}/labels/{HOLD_LABEL}")
    assert _explained(services, key) == {FROZEN}
    unfreeze(services, SHOP, by="grace")
    assert _explained(services, key) == {FREE}
    assert "nothing holds the merge any more" in continue_changes(services, launcher, only=key)[0]
    until(services, launcher, key, sealed)
    assert_done_once(world, services, key, since=since)
    assert issue.check(world.shop_url).ok


def _explained(services, key) -> set[str]:
    """Which of these words are said of it."""
    said = "; ".join(row.fact for row in explain(services, services.store.runs.latest(key)).rows)
    return {words for words in (LABELLED, FROZEN, FREE) if words in said}


def test_a_freeze_of_another_repository_holds_nothing_here(world, engine):
    one = engine()
    freeze(one.services, "acme/tools", reason="a release", by="grace")
    key, _ = world.plant()
    one.run(key, *TO_MERGE_READY, Artifact.MERGE)
    assert one.attempt(key).state is State.MERGED


@pytest.mark.parametrize(
    ("lost", "asleep_at"),
    [("the change", "git.fetch"), ("the lane", "git.fetch"), ("the lane", "github.merge_queue")],
    ids=["the change", "the lane", "the lane, after its intent"],
)
def test_an_engine_that_slept_merges_nothing(world, engine, lost, asleep_at):
    """It has read and decided everything, and wakes when its lease or its lane was another's meanwhile."""
    key, _ = world.plant()
    one, two = engine("run-1", hold_seconds=20.0), engine("run-2", hold_seconds=20.0)
    one.run(key, *TO_MERGE_READY)
    store, since, attempt = two.services.store, tip(world), one.attempt(key)

    def others_go_on() -> None:
        if lost == "the lane":
            store.leases.leave_lane(attempt)
            assert store.leases.enter_lane(attempt, seconds=60).lease is not None
            return
        store.leases.release(store.leases.current(f"change:{key}"))
        two.take(Artifact.MERGE, key)

    world.forge.set_merge_async(offered=asleep_at != "github.merge_queue")
    one.services = meanwhile(one.services, asleep_at, others_go_on)
    with pytest.raises(LeaseLost):
        one.take(Artifact.MERGE, key)
    done = [w.outcome for w in store.writes.of(key) if w.action == "merge"]
    open_intents = [None] if asleep_at == "github.merge_queue" else []
    assert (done, len(merges(world, since))) == ((["done"], 1) if lost == "the change" else (open_intents, 0))


@pytest.mark.parametrize("asleep_at", ["git.fetch", "github.merge_queue"])
def test_a_freeze_set_while_the_merge_is_about_to_be_asked_for_holds_it(world, engine, asleep_at):
    """Until the request itself it has not begun: nothing of it stays open, and GitHub refused nothing."""
    key, _ = world.plant()
    one = engine(hold_seconds=20.0)
    one.run(key, *TO_MERGE_READY)
    services, store, since = one.services, one.services.store, tip(world)
    world.forge.set_merge_async(offered=asleep_at != "github.merge_queue")
    one.services = meanwhile(services, asleep_at, lambda: freeze(services, SHOP, reason="a release", by="grace"))
    one.take(Artifact.MERGE, key)
    parked = one.attempt(key)
    assert (merges(world, since), parked.state, parked.awaited.what) == ([], State.MERGE_READY, "merge"), parked.reason
    assert parked.reason.startswith("merges are frozen in acme/shop (by grace")
    assert {w.outcome for w in store.writes.of(key) if w.action == "merge"} == {"failed", "denied"}
    assert store.leases.lane_epoch(parked) is None
    unfreeze(services, SHOP, by="grace")
    one.run(key, Artifact.MERGE, Artifact.DEPLOYMENT, Artifact.VERIFICATION_REPORT, Artifact.EVIDENCE)
    assert_done_once(world, services, key, since=since)
