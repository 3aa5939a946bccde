"""After the merge: what landed is what git makes of base and judged head, whoever merged and however; else the lane stops."""

from dataclasses import replace

import people
import pytest
from meanwhile import Altered
from world_facts import branches, git, merges, tip

from oneshot_dagster.domain.artifact import Artifact, Record
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.freezing import unfreeze
from oneshot_dagster.steps.landing import find_landing

SHOP = "acme/shop"
TO_MERGE = tuple(Artifact)[:8]


@pytest.fixture
def proposed(world, engine):
    """Judged, with two commits, waiting for a person to merge."""
    key, _ = world.plant()
    one = engine(mode="propose", hold_seconds=20.0)
    one.run(key, *TO_MERGE[:3])
    one.run(key, *TO_MERGE[3:7])
    people.push(world, key.branch, {"NOTES.md": "A second commit.\n"}, message="A second commit")
    for _ in range(2):
        one.take(Artifact.MERGE, key)
        for artifact in (*TO_MERGE[2:3], *TO_MERGE[4:]):
            one.take(artifact, key)
    parked = one.attempt(key)
    assert (parked.state, parked.awaited and parked.awaited.what) == (State.MERGE_READY, "merge"), parked.reason
    return one, key


@pytest.mark.parametrize(("method", "commits"), [("rebase", 2), ("squash", 1), ("merge", 1)])
def test_what_a_person_merged_is_carried_on_by_whatever_method(world, proposed, method, commits):
    one, key = proposed
    base = people.push(world, "main", {"OTHER.md": "The base moved as well.\n"})
    world.forge.merge_as_person(SHOP, one.attempt(key).pr_number, method=method)
    first = {"merge_sha": base}  # GitHub names another commit once: no alarm stands on that
    one.services = Altered.github(
        one.services, "gate_facts", lambda facts: replace(facts, **({"merge_sha": first.popitem()[1]} if first else {}))
    )
    outcome = one.take(Artifact.MERGE, key)
    assert first == {}
    assert isinstance(outcome, Record), one.attempt(key).reason
    assert (outcome.shown["method"], outcome.shown["merged_by"]) == (method, "ada")
    assert outcome.shown["base_before"] == base
    assert len(merges(world, base)) == commits
    assert key.branch not in branches(world)


def test_another_tree_than_the_judged_one_stops_the_lane_and_deploys_nothing(world, engine):
    """GitHub names a commit of somebody else as the merge."""
    key, _ = world.plant()
    one = engine()
    one.run(key, *TO_MERGE[:7])
    since = tip(world)
    world.forge.merge_as_person(SHOP, one.attempt(key).pr_number)
    foreign = people.push(world, "main", {"NOTES.md": "Not judged by anybody.\n"})
    real = one.services
    one.services = Altered.github(real, "gate_facts", lambda facts: replace(facts, merge_sha=foreign))
    one.take(Artifact.MERGE, key)
    stopped = one.attempt(key)
    assert (stopped.state, stopped.human_from, stopped.human_reason) == (
        State.NEEDS_HUMAN,
        State.MERGED,
        "landing_mismatch",
    )
    assert len(merges(world, since)) == 2
    (halt,) = real.store.freezes.standing(SHOP)
    assert (halt.lane, halt.by) == (True, "oneshot")
    assert str(key) in halt.reason
    assert any(f"the lane of {SHOP} is stopped" in said for said in one.said)
    (status,) = [c for c in world.forge.comments(SHOP, key.issue_number) if "nothing is deployed" in c["body"]]
    assert "is not the judged head" in status["body"]
    statuses = world.forge.api("GET", SHOP, f"/commits/{stopped.head_sha}/statuses")
    assert statuses[0]["state"] == "failure"


def test_nobody_lands_after_a_mismatch_until_a_person_says_so(world, engine):
    key, _ = world.plant()
    one = engine(hold_seconds=20.0)
    one.run(key, *TO_MERGE[:7])
    one.services.store.freezes.set(SHOP, reason="acme/shop#9 landed as another tree", by="oneshot", lane=True)
    since = tip(world)
    one.take(Artifact.MERGE, key)
    parked = one.attempt(key)
    assert (parked.state, parked.awaited.what) == (State.MERGE_READY, "merge")
    assert "the lane of acme/shop is stopped" in parked.reason
    world.forge.merge_as_person(SHOP, parked.pr_number)  # a person may; it goes no further
    one.take(Artifact.MERGE, key)
    assert (one.attempt(key).state, one.attempt(key).awaited.what) == (State.MERGE_READY, "lane")
    unfreeze(one.services, SHOP, by="ada")
    one.take(Artifact.MERGE, key)
    assert one.attempt(key).state is State.MERGED
    assert len(merges(world, since)) == 1


def test_a_branch_that_cannot_be_deleted_is_no_failed_merge(world, engine):
    key, _ = world.plant()
    one = engine()
    one.run(key, *TO_MERGE[:7])
    world.forge.add_ruleset(SHOP, {"type": "deletion"}, include=["refs/heads/codex/**"])
    outcome = one.take(Artifact.MERGE, key)
    assert isinstance(outcome, Record)
    assert outcome.shown["branch_deleted"] is False
    assert one.attempt(key).state is State.MERGED
    assert key.branch in branches(world)


def test_a_group_of_a_queue_is_walked_and_what_others_landed_between_is_not_taken_for_ours(world, engine):
    """Two changes land in one group: each is found by its own commit; without a queue the group's tip is no landing of the first."""
    one = engine()
    base = tip(world)
    heads = [people.push(world, "main", {f"{n}.md": f"{n}\n"}, to=f"work-{n}", message=f"Work {n}") for n in (1, 2)]
    first = _squash(world, base, heads[0], "First (#1)")
    second = _squash(world, first, heads[1], "Second (#2)")
    git(world, "update-ref", "refs/heads/main", second)
    one.services.git.fetch(SHOP)
    repository = one.services.git
    found = find_landing(repository, SHOP, second, heads[0], queued=True)
    assert (found.matches, found.commit, found.onto, found.method) == (True, first, base, "queue")
    assert not find_landing(repository, SHOP, second, heads[0], queued=False).matches
    own = find_landing(repository, SHOP, second, heads[1], queued=True)
    assert (own.matches, own.commit, own.onto, own.method) == (True, second, first, "squash")


def test_a_landing_that_undoes_what_others_landed_is_none(world, engine):
    """The tree is exactly the judged head on an older base: somebody else's commit between is gone."""
    one = engine()
    base = tip(world)
    head = people.push(world, "main", {"1.md": "1\n"}, to="work-1", message="Work 1")
    foreign = people.push(world, "main", {"foreign.md": "F\n"}, message="Somebody else's")
    tree = git(world, "rev-parse", f"{head}^{{tree}}").strip()
    evil = git(world, *AS_ADA, "commit-tree", tree, "-p", foreign, "-m", "First (#1)").strip()
    git(world, "update-ref", "refs/heads/main", evil)
    one.services.git.fetch(SHOP)
    for queued in (True, False):
        assert not find_landing(one.services.git, SHOP, evil, head, queued=queued).matches
    assert one.services.git.merge_tree(SHOP, base, head) == tree


def test_what_the_head_held_already_is_no_landing_of_it_though_it_has_its_tree(world, engine):
    """A revert has the tree of the base before: an answer that names that one as the merge names no landing."""
    one = engine()
    before = people.push(world, "main", {"0.md": "0\n"}, message="Work 0")
    merged = people.push(world, "main", {"1.md": "1\n"}, message="Work 1")
    tree = git(world, "rev-parse", f"{before}^{{tree}}").strip()
    head = git(world, *AS_ADA, "commit-tree", tree, "-p", merged, "-m", "Revert 1").strip()
    landed = _squash(world, merged, head, "Revert 1 (#2)")
    git(world, "update-ref", "refs/heads/taken-back", head)
    git(world, "update-ref", "refs/heads/main", landed)
    one.services.git.fetch(SHOP)
    assert not find_landing(one.services.git, SHOP, before, head, queued=False).matches
    assert find_landing(one.services.git, SHOP, landed, head, queued=False).matches


AS_ADA = ("-c", "user.name=Ada", "-c", "user.email=ada@users.noreply.localhost")


def _squash(world, base: str, head: str, message: str) -> str:
    tree = git(world, "merge-tree", "--write-tree", base, head).strip()
    return git(world, *AS_ADA, "commit-tree", tree, "-p", base, "-m", message).strip()
