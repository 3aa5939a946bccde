"""Mode observe: every decision and no write, enforced in the one write path; and the way on once there is more trust."""

import people
import pytest
from process_launcher import ProcessLauncher, sealed, until
from resumed import Resumed
from world_facts import assert_done_once, assert_evidence_verifies, branches, pulls, tip

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.cli.status import described
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.run import Mode, State
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.steps.ask import ask
from oneshot_dagster.steps.explain import explain
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.lease import held
from oneshot_dagster.steps.probes import Action
from oneshot_dagster.steps.standing import standing
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.write_action import Effect, perform

SEEN = tuple(Artifact)[: tuple(Artifact).index(Artifact.MERGE)]


def writes_by_us(world) -> list[str]:
    """Every request of ours that is more than a reading."""
    return [
        f"{r['method']} {r['path']}"
        for r in world.forge.requests()
        if r["login"] == "oneshot"
        and r["method"] != "GET"
        and not r["path"].endswith("git-upload-pack")
        and "mutation" in (r["graphql"] or "mutation")
    ]


def under(world, **over) -> Resumed:
    settings = world.settings(**over)
    launcher = ProcessLauncher(settings=settings, logs=world.home / "runs")
    return Resumed(world=world, services=open_services(settings), launcher=launcher)


def withheld(services, key) -> list[str]:
    return [w.action for w in services.store.writes.of(key) if w.outcome == "withheld"]


@pytest.fixture
def observing(shared_world):
    one = under(shared_world, mode="observe")
    yield one
    one.launcher.close()
    one.services.close()


@pytest.fixture
def observed(observing):
    """A change that was observed to its end."""
    key, issue = observing.world.plant()
    observing.world.forge.clear_requests()
    take_in(observing.services, key, base=None, prompt="", by="ada")
    return until(observing.services, observing.launcher, key, sealed), issue


def test_it_decides_writes_nothing_and_stops_for_a_person_with_sealed_evidence(observing, observed):
    world, services = observing.world, observing.services
    attempt, _ = observed
    key = attempt.key
    assert (attempt.state, attempt.human_reason, attempt.mode) == (State.NEEDS_HUMAN, "observe_only", Mode.OBSERVE)
    assert writes_by_us(world) == []
    assert key.branch not in branches(world)
    assert pulls(world, key) == []
    assert world.forge.comments(key.repository, key.issue_number) == []
    assert_evidence_verifies(services, key)


def test_what_it_would_have_written_is_on_record_shown_and_in_the_brief(observing, observed):
    services = observing.services
    attempt, _ = observed
    found = withheld(services, attempt.key)
    assert found[:4] == ["push", "open_pr", "comment", "check_run"]
    records = services.store.artifacts.records(attempt.id)
    assert set(records) == {a.value for a in SEEN} | {"evidence"}
    shown = records["pull_request"].record
    assert "Nothing was pushed" in shown.what_happened
    assert shown.shown["branch"] == attempt.key.branch
    assert shown.shown["title"]
    brief = explain(services, attempt).brief
    for said in (
        "push: branch",
        attempt.head_sha,
        "open pr",
        "Waiting for ci and review",
        "oneshot retry",
        "mode propose",
    ):
        assert said in brief, brief
    facts = [f for f in services.store.facts.of(attempt.id) if f.data.get("outcome") == "withheld"]
    assert {f.data["action"] for f in facts} == set(found)
    assert [f.data["payload"]["title"] for f in facts if f.data["action"] == "open_pr"] == [shown.shown["title"]]


def test_status_has_every_withheld_write_with_its_words(observing, observed):
    attempt, _ = observed
    found = [w for w in described(standing(observing.services, attempt))["write_actions"] if w["outcome"] == "withheld"]
    assert [w["action"] for w in found] == withheld(observing.services, attempt.key)
    assert all(w["payload"] for w in found)


def test_the_gate_says_what_did_not_run_and_the_rules_judge_all_the_same(observing, observed):
    services = observing.services
    attempt, _ = observed
    conditions = {r.condition: r.verdict for r in explain(services, attempt).rows}
    assert conditions["local_tests"] == "passed"
    assert {conditions[name] for name in ("ci", "review", "threads", "mergeable")} == {"did_not_run"}
    (evaluation,) = services.store.artifacts.evaluations(attempt.id)
    rules = {rule["name"]: rule["verdict"] for rule in evaluation.reasons["rules"]}
    assert rules.pop("gate_passed") == "did_not_run"
    assert set(rules.values()) == {"passed"}
    assert evaluation.decision == "needs_human"
    snapshot = services.store.artifacts.records(attempt.id)["file_snapshot"].record.shown
    assert snapshot["files"] >= 1
    assert snapshot["stored"] is False
    criteria = {c.name: c.verdict for c in standing(services, attempt).criteria}
    assert {criteria[name] for name in ("worktree_snapshot", "ci_review_mergeable", "merged")} == {"did_not_run"}


def test_looked_at_again_it_adds_nothing_and_still_writes_nothing(observing, observed):
    attempt, _ = observed
    before = withheld(observing.services, attempt.key)
    ask(observing.services, attempt, "retry", by="ada")
    again = until(observing.services, observing.launcher, attempt.key, lambda a: sealed(a) and not _asked(observing, a))
    assert (again.state, again.human_reason, again.number) == (State.NEEDS_HUMAN, "observe_only", 1)
    assert withheld(observing.services, attempt.key)[:4] == before[:4]
    assert [a for a in withheld(observing.services, attempt.key) if a in {"push", "open_pr"}] == ["push", "open_pr"]
    assert writes_by_us(observing.world) == []


def _asked(one, attempt) -> bool:
    return bool(one.services.store.requests.open(attempt.id))


@pytest.mark.parametrize("way", ["retry", "run"])
def test_with_more_trust_the_very_commit_that_was_shown_is_proposed_and_merged(observing, observed, way):
    world = observing.world
    attempt, issue = observed
    since = tip(world)
    trusted = under(world)
    try:
        if way == "run":
            assert take_in(trusted.services, attempt.key, base=None, prompt="", by="ada").state is State.TESTING
        else:
            ask(trusted.services, attempt, "retry", by="ada")
        ended = until(trusted.services, trusted.launcher, attempt.key, lambda a: a.pr_number is not None and sealed(a))
        assert ended.state is State.COMPLETED, ended.reason
        assert (ended.number, ended.mode, ended.judged_sha) == (1, Mode.MERGE, attempt.head_sha)
        assert_done_once(world, trusted.services, attempt.key, since=since)
        assert issue.check(world.shop_url).ok
    finally:
        trusted.launcher.close()
        trusted.services.close()


def test_trust_that_the_policy_gives_counts_where_a_person_asks_for_it(world):
    text = people.policy(world)
    people.push(world, "main", {".oneshot.toml": text.replace('mode = "merge"', 'mode = "observe"')})
    one = under(world)
    try:
        key, _ = world.plant()
        take_in(one.services, key, base=None, prompt="", by="ada")
        observed = until(one.services, one.launcher, key, sealed)
        assert observed.human_reason == "observe_only"
        assert take_in(one.services, key, base=None, prompt="", by="ada") == observed
        people.push(world, "main", {".oneshot.toml": text.replace('mode = "merge"', 'mode = "propose"')})
        ask(one.services, observed, "retry", by="ada")
        parked = until(
            one.services, one.launcher, key, lambda a: a.awaited is not None and a.state is State.MERGE_READY
        )
        assert (parked.mode, parked.pr_number is not None) == (Mode.PROPOSE, True)
    finally:
        one.launcher.close()
        one.services.close()


def test_local_tests_that_fail_send_it_back_as_in_every_mode(world, engine):
    key, _ = world.plant()
    one = engine(mode="observe")
    text = people.policy(world)
    people.push(world, "main", {".oneshot.toml": text.replace("python3 tests/run.py --junit", "false #")})
    one.run(key, *SEEN)
    attempt = one.attempt(key)
    assert attempt.state is State.NEEDS_ITERATION, attempt.reason
    assert "local tests failed" in attempt.reason
    assert writes_by_us(world) == []


def test_a_protected_path_is_in_the_brief_of_what_was_observed(world, engine):
    key, _ = world.plant(Kind.NEEDS_HUMAN)
    one = engine(mode="observe")
    one.run(key, *SEEN)
    attempt = one.attempt(key)
    assert attempt.human_reason == "observe_only"
    assert "shop/tax.py" in explain(one.services, attempt).brief


def test_no_action_that_exists_is_done_in_mode_observe(shared_world, observing):
    key, _ = shared_world.plant()
    take_in(observing.services, key, base=None, prompt="", by="ada")
    with held(observing.services.store, key, "by-hand", seconds=30.0) as holding:
        turn = Turn(
            observing.services,
            artifact=Artifact.PATCH,
            attempt=observing.services.store.runs.latest(key),
            held=holding,
            run_id="by-hand",
            say=print,
            others_wait=lambda: False,
        )
        outcomes = {action: [_tried(turn, action), _tried(turn, action)] for action in Action}
    stops = {
        Action.UPDATE_BRANCH,
        Action.MERGE,
        Action.GITHUB_DEPLOYMENT,
        Action.START_DEPLOYMENT,
        Action.UNDO,
        Action.DELETE_BRANCH,
    }
    assert outcomes == {a: ["observe_only" if a in stops else {"withheld": True}] * 2 for a in Action}
    kept = [(w.action, w.outcome, w.payload["body"]) for w in observing.services.store.writes.of(key)]
    assert kept == [(action, "withheld", f"words of {action}") for action in Action]


def _tried(turn: Turn, action: Action) -> object:
    def act():
        raise AssertionError(f"{action} was done")

    effect = Effect(action=action, key=f"{action}:1", payload={"body": f"words of {action}"}, act=act)
    try:
        return perform(turn, effect)
    except NeedsHuman as stopped:
        return stopped.reason


def test_a_mode_that_is_lowered_on_the_way_holds_at_once(world, engine):
    key, _ = world.plant()
    engine().run(key, *tuple(Artifact)[:3])
    lowered = engine("run-2", mode="observe")
    world.forge.clear_requests()
    lowered.run(key, *tuple(Artifact)[3:])
    assert lowered.attempt(key).human_reason == "observe_only"
    assert writes_by_us(world) == []
