"""A change that is merged, deployed and fails there: what stood before serves again, a revert takes it out of the base,
and the next attempt stands."""

import pytest
from people import policy, push
from process_launcher import sealed, until
from store_fixtures import TO_COMPLETED, intake, walk
from world_facts import tip
from world_fixtures import served

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput, LeaseLost
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.local.demo import serving
from oneshot_dagster.local.demo.issues import Kind as Issue
from oneshot_dagster.local.demo.plant import ENGINE
from oneshot_dagster.steps.ask import ask
from oneshot_dagster.steps.freezing import unfreeze
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.triggers import take_up

REPOSITORY = "acme/shop"
WRITES_OF_A_REVERT = [
    ("POST", "/git-receive-pack$"),
    ("POST", "/pulls$"),
    ("PUT", "/merge-async$"),
    ("POST", "/deployments$"),
    ("POST", "/comments$"),
]


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


def _asks(resumed, attempt: Attempt, kind: str) -> None:
    ask(resumed.services, attempt, kind, by="ada")


def _rolling_back(resumed, *, seed: int) -> Attempt:
    """A change that failed after its deployment, before anything but the service is taken back."""
    key, _ = resumed.world.plant(Issue.BAD_DEPLOY, seed)
    take_in(resumed.services, key, base=None, prompt="", by="ada")
    return until(resumed.services, resumed.launcher, key, lambda a: a.state is State.ROLLING_BACK, seconds=100)


def _go_on(resumed, attempt: Attempt, settled=_over) -> tuple[Attempt, list[Attempt]]:
    last = until(resumed.services, resumed.launcher, attempt.key, settled, seconds=150)
    return last, list(resumed.services.store.runs.all_of(attempt.key))


def _changed(resumed, one: str, other: str) -> set[str]:
    resumed.services.git.fetch(REPOSITORY)
    key = ChangeKey.parse(f"{REPOSITORY}#1")
    found = resumed.services.git.snapshot(key, base_sha=one, head_sha=other, patches=False)
    return {file.path for file in found.files}


def _seconds_to_restore(resumed, broken: Attempt) -> float:
    at = {fact.kind: fact.at for fact in resumed.services.store.facts.of(broken.id)}
    return (at["restored"] - at["verification"]).total_seconds()


def _loses_the_answer_of_each_write(world) -> None:
    """Of the revert's, once each, after its effect."""
    for method, path in WRITES_OF_A_REVERT:
        world.forge.arm("cut_after", method=method, path=path, login=ENGINE)


def _did_everything_once(resumed, attempt: Attempt) -> None:
    forge, sha = resumed.world.forge, attempt.merge_sha or ""
    # whether the merge was asked for is seen once it is done, or asked again
    assert attempt.infrastructure_retries <= 1
    assert sum(p["head"]["ref"] == attempt.inputs.head for p in forge.pulls(REPOSITORY, state="all")) == 1
    assert len(forge.api("GET", REPOSITORY, "/deployments", sha=sha)) == 1
    assert serving.deployed(resumed.world.shop_url).count(sha) == 1
    said = [c["body"].splitlines()[0] for c in forge.comments(REPOSITORY, attempt.pr_number)]
    assert len(said) == len(set(said)) > 0


def _the_closing_by_the_merge_withdraws_nothing(resumed, broken: Attempt) -> None:
    world, services = resumed.world, resumed.services
    number = broken.key.issue_number
    assert world.forge.issue(REPOSITORY, number)["state"] == "closed"
    world.forge.label(REPOSITORY, number, "something new of it")
    take_up(services, repositories=[REPOSITORY])
    assert [r for r in services.store.requests.of(broken.id) if r.kind == "stop"] == []


def _begun_under(resumed, broken: Attempt) -> int:
    """The lane's epoch as the deployment entered it."""
    return resumed.services.store.artifacts.records(broken.id)["deployment"].record.shown["lane_epoch"]


def test_what_others_pushed_meanwhile_stays_and_a_stalled_engine_starts_nothing_older(resumed_alone):
    world, store = resumed_alone.world, resumed_alone.services.store
    verified = _completed(resumed_alone).verified_sha
    before = tip(world)
    broken = _rolling_back(resumed_alone, seed=3)
    _loses_the_answer_of_each_write(world)
    assert served(world.shop_url)["revision"] == verified
    assert _seconds_to_restore(resumed_alone, broken) <= 30
    epoch = store.leases.lane_epoch(broken)
    assert epoch == _begun_under(resumed_alone, broken) + 1  # so what began before the restore starts nothing after it
    push(world, "main", {"README.md": "somebody else's words\n"})
    until(resumed_alone.services, resumed_alone.launcher, broken.key, lambda a: a.state is State.NEEDS_ITERATION)
    _the_closing_by_the_merge_withdraws_nothing(resumed_alone, broken)
    last, (_, revert, _) = _go_on(resumed_alone, broken)
    assert last.state is State.COMPLETED
    assert all(fault["hit"] for fault in world.forge.faults())
    _did_everything_once(resumed_alone, revert)
    assert _changed(resumed_alone, before, revert.merge_sha) == {"README.md"}
    assert store.leases.lane_epoch(broken) is None
    lease = store.leases.take(f"change:{broken.key}", "an engine that slept", seconds=5.0)
    with pytest.raises(LeaseLost):
        store.writes.intend(broken.id, action="start_deployment", key="late", payload={}, lease=lease, lane_epoch=epoch)
    store.leases.release(lease)


def test_a_conflict_stops_the_lane_says_what_is_live_and_in_git_and_goes_on_by_hand(resumed_alone):
    """And a person who said stop meanwhile gets no other attempt, once it is taken back."""
    world, services = resumed_alone.world, resumed_alone.services
    verified = _completed(resumed_alone).verified_sha
    before = tip(world)
    broken = _rolling_back(resumed_alone, seed=4)
    (file,) = [p for p in _changed(resumed_alone, before, broken.merge_sha) if p.startswith("shop/discounts/")]
    on_top = push(world, "main", {file: '"""3 or more of pen: 1 % off"""\n'})
    revert, _ = _go_on(resumed_alone, broken)
    assert (revert.kind, revert.human_reason) == (Kind.REVERT, "revert_conflict")
    assert file in revert.reason
    assert (
        f"Live: {verified[:12]} serves. In git: main stands at {on_top[:12]} and holds {broken.merge_sha[:12]}"
        in revert.reason
    )
    assert served(world.shop_url)["revision"] == verified
    assert [f.lane for f in services.store.freezes.standing(REPOSITORY)] == [True]

    gone = dict.fromkeys(_changed(resumed_alone, before, broken.merge_sha))
    push(world, "main", gone, message="Taken back by hand", to=revert.inputs.head)
    unfreeze(services, REPOSITORY, by="ada")
    _asks(resumed_alone, revert, "retry")
    judged, _ = _go_on(resumed_alone, broken, lambda a: _over(a) and a.human_reason == "revert_by_hand")
    with pytest.raises(BadInput, match="too late"):
        _asks(resumed_alone, judged, "stop")
    _asks(resumed_alone, judged, "approve")
    last, attempts = _go_on(resumed_alone, broken, lambda a: _over(a) and a.human_reason == "rolled_back")
    assert [a.state for a in attempts] == [State.NEEDS_HUMAN, State.COMPLETED]
    assert _changed(resumed_alone, before, attempts[1].merge_sha) == set()
    assert last.reason.endswith("no other attempt follows: ada asked to stop")


def _verified_already(resumed, sha: str) -> None:
    """As if a change before had been completed with it."""
    runs = resumed.services.store.runs
    done = walk(resumed.services.store, intake(resumed.services.store, f"{REPOSITORY}#9999"), *TO_COMPLETED)
    runs.update(done.id, {"verified_sha": sha, "verified_in": "production", "merge_sha": sha, "evidence_head": "f"})


@pytest.mark.parametrize("proof", ["which was verified", "ada said that it is right"])
def test_what_a_person_took_back_ends_the_rollback_once_it_is_verified_or_a_person_says_so(resumed_alone, proof):
    world, store = resumed_alone.world, resumed_alone.services.store
    before, words = tip(world), "taken back, and something else\n"
    _verified_already(resumed_alone, before)
    serving.deploy(world.shop_url, before)
    broken = _rolling_back(resumed_alone, seed=7)
    readme = resumed_alone.services.git.read_file(REPOSITORY, sha=before, path="README.md").decode()
    gone = dict.fromkeys(_changed(resumed_alone, before, broken.merge_sha))
    by_hand = push(world, "main", {**gone, "README.md": words}, message="Revert it")
    revert, _ = _go_on(resumed_alone, broken)
    assert (revert.kind, revert.human_reason, revert.pr_number) == (Kind.REVERT, "taken_back_already", None)
    assert f"Live: {before[:12]} serves. In git: main stands at {by_hand[:12]}" in revert.reason
    assert store.freezes.standing(REPOSITORY) == ()

    def told_again(attempt: Attempt) -> bool:
        return _over(attempt) and sum(f.kind == "taken_back_already" for f in store.facts.of(revert.id)) == 2

    _asks(resumed_alone, revert, "resume")  # what serves is not what is in git
    still, _ = _go_on(resumed_alone, broken, told_again)
    assert (still.id, still.human_reason) == (revert.id, "taken_back_already")
    if proof == "which was verified":
        push(world, "main", {"README.md": readme})
    else:
        serving.deploy(world.shop_url, by_hand)
    _asks(resumed_alone, revert, "retry")
    again, (first, ended, _) = _go_on(resumed_alone, broken, lambda a: a.number == 3 and a.head_sha is not None)
    assert [a.state for a in (first, ended)] == [State.NEEDS_ITERATION, State.SUPERSEDED]
    assert proof in first.reason
    assert all(a.evidence_head for a in (first, ended))
    assert set(gone) <= _changed(resumed_alone, by_hand, again.head_sha)  # it begins with the work that was taken back


def test_where_the_policy_wants_a_person_what_served_before_comes_back_at_once_and_one_may_ask_for_the_rest(
    resumed_alone,
):
    """Nothing was ever verified here: then it is what served that is restored. A retry deploys anew."""
    world = resumed_alone.world
    own = policy(world).replace('on_failure = "rollback"', 'on_failure = "needs_human"')
    before = push(world, "main", {".oneshot.toml": own})
    serving.deploy(world.shop_url, before)
    key, _ = world.plant(Issue.BAD_DEPLOY, 5)
    take_in(resumed_alone.services, key, base=None, prompt="", by="ada")
    broken = until(resumed_alone.services, resumed_alone.launcher, key, _over, seconds=100)
    assert broken.human_reason == "post_deploy_failed"
    assert served(world.shop_url)["revision"] == before
    _asks(resumed_alone, broken, "retry")
    _go_on(resumed_alone, broken, lambda a: a.state is not State.NEEDS_HUMAN)
    again, _ = _go_on(resumed_alone, broken)
    assert again.human_reason == "post_deploy_failed"
    _asks(resumed_alone, broken, "rollback")
    last, (_, revert) = _go_on(resumed_alone, broken, lambda a: _over(a) and a.human_reason == "rolled_back")
    assert last.id == broken.id
    assert serving.deployed(world.shop_url) == [before, *[broken.merge_sha, before] * 2, revert.merge_sha]
    assert _changed(resumed_alone, before, revert.merge_sha) == set()


def test_a_completed_change_is_taken_back_on_request_and_stays_so(resumed_alone):
    world, services = resumed_alone.world, resumed_alone.services
    serving.deploy(world.shop_url, tip(world))
    before = tip(world)
    done = _completed(resumed_alone)
    _asks(resumed_alone, done, "rollback")
    last, (first, revert) = _go_on(resumed_alone, done, lambda a: _over(a) and a.kind is Kind.REVERT)
    assert (first.state, last.id) == (State.COMPLETED, revert.id)
    assert _changed(resumed_alone, before, revert.merge_sha) == set()
    assert served(world.shop_url)["revision"] == revert.merge_sha
    assert services.store.runs.unfinished() == ()


@pytest.mark.parametrize(
    "point",
    [
        "store.writes.intend start_deployment after\nstore.artifacts.add_evaluation - after",
        "store.runs.transition rolling_back before",
    ],
)
def test_killed_between_the_failure_and_the_rollback_it_fails_once_and_is_restored_once(resumed_alone, point):
    world, services = resumed_alone.world, resumed_alone.services
    before = tip(world)
    serving.deploy(world.shop_url, before)
    (world.home / "crash").write_text(point)
    broken = _rolling_back(resumed_alone, seed=6)
    assert "failure" in resumed_alone.launcher.ends()
    failed = [
        e for e in services.store.artifacts.evaluations(broken.id) if e.reasons.get("error") == "post_deploy_failed"
    ]
    assert len(failed) == 1
    assert _done(resumed_alone, broken, "undo") == ["done"]
    assert serving.deployed(world.shop_url) == [before, broken.merge_sha, before]
