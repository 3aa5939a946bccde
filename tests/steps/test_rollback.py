"""A change that is merged, deployed and fails there: what stood before serves again, a revert takes it out of the base,
and the next attempt stands."""

import pytest
from people import policy, push
from process_launcher import sealed, until
from world_facts import tip
from world_fixtures import served

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.local.demo.issues import Kind as Issue
from oneshot_dagster.steps.intake import take_in

REPOSITORY = "acme/shop"


def _completed(resumed, kind: Issue = Issue.HAPPY, seed: int = 1) -> Attempt:
    key, issue = resumed.world.plant(kind, seed)
    take_in(resumed.services, key, base=None, prompt="", by="ada")
    attempt = until(resumed.services, resumed.launcher, key, _over, seconds=100)
    told = [(a.number, a.state, a.reason) for a in resumed.services.store.runs.all_of(key)]
    assert attempt.state is State.COMPLETED, told
    assert issue.check(resumed.world.shop_url).ok
    return attempt


def _over(attempt: Attempt) -> bool:
    return sealed(attempt) and attempt.state in {State.COMPLETED, State.NEEDS_HUMAN}


def _trees(resumed, *shas: str) -> list[str]:
    resumed.services.git.fetch(REPOSITORY)
    return [resumed.services.git.tree(REPOSITORY, sha) for sha in shas]


def _done(resumed, attempt: Attempt, action: str) -> list[str]:
    writes = resumed.services.store.writes.of(attempt.key)
    return [w.outcome or "open" for w in writes if w.attempt_id == attempt.id and w.action == action]


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_what_fails_when_deployed_is_restored_reverted_and_done_again(resumed_alone, method):
    world, store = resumed_alone.world, resumed_alone.services.store
    push(world, "main", {".oneshot.toml": policy(world) + f'\n[merge]\nmethod = "{method}"\n'})
    verified = _completed(resumed_alone).verified_sha
    before = tip(world)
    last = _completed(resumed_alone, Issue.BAD_DEPLOY, seed=2)
    broken, revert, again = store.runs.all_of(last.key)
    assert [a.kind for a in (broken, revert, again)] == [Kind.IMPLEMENT, Kind.REVERT, Kind.IMPLEMENT]
    assert [a.state for a in (broken, revert)] == [State.NEEDS_ITERATION, State.COMPLETED]
    assert again.id == last.id
    pulls = [a.pr_number for a in (broken, revert, again)]
    assert len(set(pulls)) == 3
    assert all(world.forge.pull(REPOSITORY, number)["merged"] for number in pulls)
    assert [_done(resumed_alone, a, "merge") for a in (broken, revert, again)] == [["done"]] * 3
    assert [_done(resumed_alone, a, "undo") for a in (broken, revert, again)] == [["done"], [], []]
    taken_back, at_first = _trees(resumed_alone, revert.merge_sha, before)
    assert taken_back == at_first
    assert revert.verified_sha == revert.deployed_sha == revert.merge_sha
    assert [s["sha"] for s in served(world.shop_url)["starts"]][1:] == [
        broken.merge_sha,
        verified,
        revert.merge_sha,
        again.merge_sha,
    ]
    assert tip(world) == again.merge_sha
    assert all(a.evidence_head for a in (broken, revert, again))
