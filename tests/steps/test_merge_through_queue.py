"""A base with a merge queue: a judged change is put into it, waits there without a process, and lands or drops out."""

import time
from dataclasses import replace

import people
import pytest
from fault_calls import LOGIN
from fault_matrix import Inline
from process_launcher import sealed, until
from world_facts import assert_done_once, git, merges, tip

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.resume import continue_changes

SHOP = "acme/shop"
TO_MERGE_READY = tuple(Artifact)[:7]
QUEUE = {
    "type": "merge_queue",
    "parameters": {
        "check_response_timeout_minutes": 10,
        "grouping_strategy": "ALLGREEN",
        "max_entries_to_build": 1,
        "max_entries_to_merge": 1,
        "merge_method": "SQUASH",
        "min_entries_to_merge": 1,
        "min_entries_to_merge_wait_minutes": 0,
    },
}
PULL = """query($number: Int!) { repository(owner: "acme", name: "shop") { pullRequest(number: $number) {
  id isInMergeQueue } } }"""
DEQUEUE = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { mergeQueueEntry { id } } }"
ENQUEUE = "mutation($id: ID!) { enqueuePullRequest(input: {pullRequestId: $id}) { mergeQueueEntry { id } } }"


def pull(world, number):
    return world.forge.graphql(PULL, number=number)["data"]["repository"]["pullRequest"]


def group(world, number) -> str:
    return git(
        world, "for-each-ref", "--format=%(objectname)", f"refs/heads/gh-readonly-queue/main/pr-{number}-*"
    ).strip()


def passes(world, number) -> None:
    """The group's CI, which the planted workflow does not run."""
    deadline = time.monotonic() + 20
    while not (sha := group(world, number)):
        assert time.monotonic() < deadline, pull(world, number)
        time.sleep(0.05)
    world.forge.api("POST", SHOP, f"/statuses/{sha}", {"state": "success", "context": "ci"})


@pytest.fixture
def waiting(world, engine):
    """In the queue, where the group's own CI never reports: the workflow knows no merge_group. Parked."""
    services = engine(hold_seconds=60.0).services
    launcher = Inline(services)
    hasty = replace(services, limits=replace(services.limits, hold_seconds=5.0))

    # CI may take longer than the queue is to be waited for.
    def choose(artifact: Artifact, _: object) -> None:
        launcher.services = hasty if artifact is Artifact.MERGE else services

    launcher.before = choose
    key, _ = world.plant()
    world.forge.require_checks(SHOP, "ci")
    world.forge.add_ruleset(SHOP, QUEUE)
    since = tip(world)
    take_in(services, key, base=None, prompt="", by="ada")

    def look() -> str:
        return "; ".join(continue_changes(services, launcher, only=key))

    look()
    parked = services.store.runs.latest(key)
    assert parked.awaited is not None, (parked, launcher.said)
    assert (parked.state, parked.awaited.what) == (State.MERGE_READY, "landing"), parked.reason
    return services, launcher, key, since, look


def test_a_judged_change_enters_the_queue_and_waits_there(world, waiting):
    services, _, key, since, look = waiting
    parked = services.store.runs.latest(key)
    assert pull(world, parked.pr_number)["isInMergeQueue"]
    assert "it is in the merge queue" in look()
    assert len(services.store.launches.of(parked.id)) == 1
    assert merges(world, since) == []
    rows = [r for r in world.forge.requests() if r["method"] == "PUT" and r["path"].endswith("/merge")]
    assert rows == []


def test_it_is_picked_up_when_its_group_has_landed(world, waiting):
    services, launcher, key, since, _ = waiting
    number = services.store.runs.latest(key).pr_number
    passes(world, number)
    ended = until(services, launcher, key, sealed)
    assert_done_once(world, services, key, since=since)
    assert ended.merged_by == LOGIN


def test_one_that_drops_out_goes_back_to_the_gate(world, waiting):
    services, launcher, key, since, look = waiting
    number = services.store.runs.latest(key).pr_number
    world.forge.graphql(DEQUEUE, id=pull(world, number)["id"])
    until(services, launcher, key, lambda _: len(_refused(services, key)) == 1)
    assert "neither merged nor in the merge queue any more" in str(_refused(services, key)[0].result)
    assert merges(world, since) == []
    until(services, launcher, key, lambda a: a.awaited is not None and a.awaited.what == "landing")
    assert pull(world, number)["isInMergeQueue"]
    look()


def _refused(services, key):
    return [w for w in services.store.writes.of(key) if w.action == "merge" and w.outcome == "refused"]


def test_a_push_takes_it_out_and_the_new_head_is_judged_before_it_enters_again(world, waiting):
    services, launcher, key, since, _ = waiting
    parked = services.store.runs.latest(key)
    pushed = people.push(world, key.branch, {"NOTES.md": "By hand.\n"})
    again = until(
        services,
        launcher,
        key,
        lambda a: a.head_sha == pushed and a.awaited is not None and a.awaited.what == "landing",
    )
    assert again.judged_sha == pushed
    assert [w.outcome for w in services.store.writes.of(key) if w.action == "merge"] == ["refused", None]
    assert merges(world, since) == []
    assert parked.id == again.id


def test_a_stop_while_it_is_queued_is_too_late(world, waiting):
    services, _, key, _, look = waiting
    attempt = services.store.runs.latest(key)
    services.store.requests.add(attempt.id, kind="stop", by="ada")
    assert "too late" in look()
    assert services.store.runs.latest(key).state is State.MERGE_READY
    assert services.store.requests.open(attempt.id) == ()


def test_a_token_that_may_bypass_the_queue_does_not(world, engine):
    bypass = [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]
    world.forge.add_ruleset(SHOP, QUEUE, bypass_actors=bypass)
    world.forge.set_merge_async(offered=False)
    world.forge.ask("PUT", "/_forge/users/oneshot", _admin(world))
    key, _ = world.plant()
    one, since = engine(hold_seconds=60.0), tip(world)
    one.run(key, *TO_MERGE_READY)
    one.services = engine(hold_seconds=5.0).services
    one.take(Artifact.MERGE, key)
    assert (one.attempt(key).awaited or pytest.fail(one.attempt(key).reason)).what == "landing"
    passes(world, one.attempt(key).pr_number)
    one.take(Artifact.MERGE, key)
    ended = one.attempt(key)
    assert ended.state is State.MERGED, ended.reason
    assert merges(world, since) == [ended.merge_sha]
    mine = [r for r in world.forge.requests() if r["login"] == LOGIN]
    assert not [r for r in mine if r["method"] == "PUT" and r["path"].endswith("/merge")]
    assert [r for r in mine if "enqueuePullRequest" in (r["graphql"] or "")]


def _admin(world):
    from world_fixtures import ENGINE_TOKEN

    return {"token": ENGINE_TOKEN, "permissions": {SHOP: "admin"}, "admin": False, "token_permissions": None}


def test_what_a_person_puts_into_the_queue_is_picked_up(world, engine):
    key, _ = world.plant()
    one, since = engine(mode="propose", hold_seconds=60.0), tip(world)
    one.run(key, *TO_MERGE_READY)
    one.services = engine(mode="propose", hold_seconds=5.0).services
    one.take(Artifact.MERGE, key)
    parked = one.attempt(key)
    assert (parked.state, parked.awaited.what) == (State.MERGE_READY, "merge")
    world.forge.add_ruleset(SHOP, QUEUE)
    world.forge.graphql(ENQUEUE, id=pull(world, parked.pr_number)["id"])
    passes(world, parked.pr_number)
    deadline = time.monotonic() + 20
    while not world.forge.pull(SHOP, parked.pr_number)["merged"]:  # a moment after the base has moved
        assert time.monotonic() < deadline
        time.sleep(0.05)
    one.take(Artifact.MERGE, key)
    ended = one.attempt(key)
    assert (ended.state, ended.merged_by) == (State.MERGED, "ada"), ended.reason
    assert merges(world, since) == [ended.merge_sha]
