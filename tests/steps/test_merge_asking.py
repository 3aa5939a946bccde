"""How a merge is asked for, what GitHub may answer, and what is done then: read back, decided anew, or told to a person."""

import time

import people
import pytest
from fault_calls import LOGIN
from meanwhile import meanwhile
from process_launcher import sealed, until
from world_facts import assert_done_once, merges, tip

from oneshot_dagster.domain.artifact import Artifact, Record
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.intake import take_in

TO_MERGE_READY = tuple(Artifact)[:7]
AGAIN = (Artifact.CHECK_STATE, Artifact.EVALUATION, Artifact.MERGE)
SHOP = "acme/shop"


@pytest.fixture
def judged(world, engine):
    """A change that is judged and about to be merged, the engine that took it there, and the base before."""
    key, _ = world.plant()
    one = engine(hold_seconds=60.0)
    one.run(key, *TO_MERGE_READY)
    assert one.attempt(key).state is State.MERGE_READY, one.attempt(key).reason
    return one, key, tip(world)


def asked(world, what: str) -> int:
    return sum(
        r["method"] == "PUT" and r["path"].endswith(what) and r["login"] == LOGIN for r in world.forge.requests()
    )


def merge_writes(one, key) -> list[tuple[str | None, str]]:
    writes = [w for w in one.services.store.writes.of(key) if w.action == "merge"]
    return [(w.outcome, str(w.result.get("why", ""))) for w in writes]


def test_where_the_server_offers_it_github_merges_in_its_own_time(world, judged):
    one, key, since = judged
    outcome = one.take(Artifact.MERGE, key)
    assert isinstance(outcome, Record)
    assert merges(world, since) == [one.attempt(key).merge_sha]
    assert (asked(world, "/merge-async"), asked(world, "/merge")) == (1, 0)
    assert "not_enforced" not in outcome.shown


def test_where_it_does_not_it_is_asked_to_merge_at_once(world, judged):
    one, key, since = judged
    world.forge.set_merge_async(offered=False)
    assert isinstance(one.take(Artifact.MERGE, key), Record)
    assert merges(world, since) == [one.attempt(key).merge_sha]
    assert asked(world, "/merge") == 1


def test_what_takes_github_long_is_parked_with_its_request_and_followed_by_another_run(world, engine, judged):
    one, key, since = judged
    world.forge.set_merge_async(delay=3600.0)
    one.services = engine(hold_seconds=0.0).services
    one.take(Artifact.MERGE, key)
    parked = one.attempt(key)
    assert (parked.state, parked.awaited.what) == (State.MERGE_READY, "landing")
    intent = one.services.store.writes.of(key)[-1]
    assert (intent.action, intent.outcome) == ("merge", None)
    assert intent.payload["uuid"]
    two = engine("run-2", hold_seconds=60.0)
    two.services = meanwhile(two.services, "github.merge_async_result", world.forge.set_merge_async)
    assert isinstance(two.take(Artifact.MERGE, key), Record)
    assert merges(world, since) == [two.attempt(key).merge_sha]
    assert asked(world, "/merge-async") == 1
    assert merge_writes(two, key) == [("done", "")]


def test_a_push_while_github_takes_its_time_ends_the_request_and_the_gate_is_read_again(world, judged):
    one, key, since = judged
    world.forge.set_merge_async(delay=3600.0)

    def pushes() -> None:
        people.push(world, key.branch, {"NOTES.md": "By hand.\n"})
        world.forge.set_merge_async()

    one.services = meanwhile(one.services, "github.merge_async_result", pushes)
    one.take(Artifact.MERGE, key)
    after = one.attempt(key)
    assert (after.state, after.judged_sha) == (State.AWAITING_CI, None)
    assert "Head branch was modified" in after.reason
    assert merges(world, since) == []
    assert merge_writes(one, key) == [("refused", "head_moved")]


@pytest.mark.parametrize("offered", [True, False], ids=["async", "classic"])
def test_a_push_at_the_last_moment_is_refused_and_nothing_unjudged_merges(world, judged, *, offered):
    one, key, since = judged
    world.forge.set_merge_async(offered=offered)
    push = lambda: people.push(world, key.branch, {"NOTES.md": "By hand.\n"})  # noqa: E731
    one.services = meanwhile(one.services, f"github.{'merge_async' if offered else 'merge'}", push)
    one.take(Artifact.MERGE, key)
    assert one.attempt(key).state is State.AWAITING_CI
    assert merges(world, since) == []
    assert merge_writes(one, key) == [("refused", "head_moved")]


@pytest.mark.parametrize("offered", [True, False], ids=["async", "classic"])
def test_what_a_person_merged_at_the_last_moment_is_read_back_as_merged_by_them(world, judged, *, offered):
    one, key, since = judged
    world.forge.set_merge_async(offered=offered)
    number = one.attempt(key).pr_number
    one.services = meanwhile(
        one.services,
        f"github.{'merge_async' if offered else 'merge'}",
        lambda: world.forge.merge_as_person(SHOP, number),
    )
    assert isinstance(one.take(Artifact.MERGE, key), Record)
    ended = one.attempt(key)
    assert (ended.state, ended.merged_by) == (State.MERGED, "ada")
    assert merges(world, since) == [ended.merge_sha]


@pytest.mark.parametrize("offered", [True, False], ids=["async", "classic"])
def test_a_pull_request_that_was_closed_at_the_last_moment_is_decided_anew(world, judged, *, offered):
    one, key, since = judged
    world.forge.set_merge_async(offered=offered)
    number = one.attempt(key).pr_number
    one.services = meanwhile(
        one.services, f"github.{'merge_async' if offered else 'merge'}", lambda: people.close_pull(world, number)
    )
    one.take(Artifact.MERGE, key)
    assert one.attempt(key).state is State.AWAITING_CI
    one.take(Artifact.CHECK_STATE, key)
    assert (one.attempt(key).state, one.attempt(key).human_reason) == (State.NEEDS_HUMAN, "pull_request_closed")
    assert merges(world, since) == []


@pytest.mark.parametrize("offered", [True, False], ids=["async", "classic"])
def test_a_method_that_the_repository_does_not_allow_is_for_a_person_at_once(world, judged, *, offered):
    one, key, since = judged
    world.forge.set_merge_async(offered=offered)
    world.forge.api("PATCH", SHOP, "", {"allow_squash_merge": False})
    one.take(Artifact.MERGE, key)
    stopped = one.attempt(key)
    assert (stopped.state, stopped.human_reason) == (State.NEEDS_HUMAN, "merge_method")
    assert stopped.reason.startswith("the policy merges by squash, which is not allowed here")
    assert merges(world, since) == []


def test_what_github_refuses_three_times_is_for_a_person(world, judged):
    one, key, since = judged
    world.forge.arm("422", method="PUT", path="/merge-async", login=LOGIN, times=0)
    one.take(Artifact.MERGE, key)
    for _ in range(2):
        one.run(key, *AGAIN)
    stopped = one.attempt(key)
    assert (stopped.state, stopped.human_reason) == (State.NEEDS_HUMAN, "merge_refused")
    assert merge_writes(one, key) == [("refused", "invalid")] * 3
    assert merges(world, since) == []


def test_a_request_that_github_has_forgotten_is_no_merge_and_the_gate_is_read_again(world, judged):
    """It keeps one for a day: what became of it the pull request says."""
    one, key, since = judged
    world.forge.set_merge_async(delay=3600.0)
    world.forge.arm("404", method="GET", path="/merge-async/", login=LOGIN, times=0)
    one.take(Artifact.MERGE, key)
    after = one.attempt(key)
    assert (after.state, after.judged_sha) == (State.AWAITING_CI, None)
    assert "neither merged nor in the merge queue" in after.reason
    assert merges(world, since) == []


def test_an_answer_about_the_request_that_is_lost_is_asked_for_again(world, judged):
    one, key, since = judged
    world.forge.set_merge_async(delay=3.0)
    fault = world.forge.arm("cut_after", method="GET", path="/merge-async/", login=LOGIN)
    assert isinstance(one.take(Artifact.MERGE, key), Record)
    assert merges(world, since) == [one.attempt(key).merge_sha]
    assert next(f for f in world.forge.faults() if f["id"] == fault["id"])["hit"]


def test_somebody_elses_request_is_followed_like_our_own(world, judged):
    """GitHub answers 409 with the uuid of what was asked before."""
    one, key, since = judged
    world.forge.set_merge_async(delay=3600.0)
    one.services = meanwhile(one.services, "github.merge_async_result", world.forge.set_merge_async)
    before = one.attempt(key)
    path = f"/pulls/{before.pr_number}/merge-async"
    uuid = world.forge.api("PUT", SHOP, path, {"sha": before.head_sha, "merge_method": "squash"})["details"]["uuid"]
    assert isinstance(one.take(Artifact.MERGE, key), Record)
    assert merges(world, since) == [one.attempt(key).merge_sha]
    intent = [w for w in one.services.store.writes.of(key) if w.action == "merge"][-1]
    assert intent.payload["uuid"] == uuid


@pytest.mark.parametrize("method", ["merge", "rebase"])
def test_the_policys_method_is_the_one_that_lands_and_its_tree_is_checked(world, engine, method):
    people.push(world, "main", {".oneshot.toml": people.policy(world) + f'\n[merge]\nmethod = "{method}"\n'})
    key, _ = world.plant()
    since, one = tip(world), engine()
    outcome = one.run(key, *TO_MERGE_READY, Artifact.MERGE)[Artifact.MERGE]
    assert isinstance(outcome, Record), one.attempt(key).reason
    # One commit, rebased, looks like that.
    assert outcome.shown["method"] == ("merge" if method == "merge" else "squash")
    parents = one.services.git.parents(SHOP, one.attempt(key).merge_sha)
    assert len(parents) == (2 if method == "merge" else 1)
    assert parents[0] == since


def test_a_base_that_moves_at_the_last_moment_is_merged_onto_only_where_the_policy_says_so(world, engine):
    people.push(world, "main", {".oneshot.toml": people.policy(world) + "\n[merge]\nup_to_date = false\n"})
    key, _ = world.plant()
    one = engine()
    one.run(key, *TO_MERGE_READY)
    moved = people.push(world, "main", {"NOTES.md": "Meanwhile.\n"})
    outcome = one.take(Artifact.MERGE, key)
    assert isinstance(outcome, Record)
    assert outcome.shown["base_before"] == moved
    landing = [f for f in one.services.store.facts.of(one.attempt(key).id) if f.kind == "landing"][-1]
    assert landing.data["up_to_date"] is False


def test_a_branch_is_brought_up_to_date_five_times_and_then_a_person_is_asked(world, engine):
    key, _ = world.plant()
    one = engine(hold_seconds=20.0)
    one.run(key, *TO_MERGE_READY)
    for turn in range(6):
        people.push(world, "main", {"NOTES.md": f"{turn}\n"})
        one.take(Artifact.MERGE, key)
        if one.attempt(key).state is State.NEEDS_HUMAN:
            break
        _until_judged_again(one, key)
    stopped = one.attempt(key)
    assert (stopped.state, stopped.human_reason) == (State.NEEDS_HUMAN, "base_keeps_moving")
    updates = [w.outcome for w in one.services.store.writes.of(key) if w.action == "update_branch"]
    assert updates == ["done"] * 5


def _until_judged_again(one, key) -> None:
    deadline = time.monotonic() + 60
    while one.attempt(key).state is not State.MERGE_READY:
        assert time.monotonic() < deadline, one.attempt(key)
        for artifact in (Artifact.LOCAL_TEST_REPORT, Artifact.FILE_SNAPSHOT, Artifact.CHECK_STATE, Artifact.EVALUATION):
            one.take(artifact, key)


def test_a_run_that_dies_before_it_knows_its_request_finds_it_again(resumed_alone):
    """GitHub took the request and has not done it yet: asking again says 409 and which one it is."""
    world, services, launcher = resumed_alone.world, resumed_alone.services, resumed_alone.launcher
    world.forge.set_merge_async(delay=4.0)
    since = tip(world)
    key, _ = world.plant()
    (world.home / "crash").write_text("store.writes.intend merge after\ngithub.merge_async - after")
    take_in(services, key, base=None, prompt="", by="ada")
    run = launcher.by_hand(key, f"killed-{key.issue_number}")
    run.join(60)
    assert run.exitcode == -9, launcher.said(key)
    until(services, launcher, key, sealed)
    assert_done_once(world, services, key, since=since)
