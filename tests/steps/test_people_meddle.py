"""People act while a change is on its way: they push, merge, close, approve; and attempts that a gate sends back."""

import people
import pytest
from process_launcher import ProcessLauncher, sealed, until
from resumed import Resumed
from world_facts import assert_done_once, assert_evidence_verifies, merges, pulls, tip

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.triggers import take_up


@pytest.fixture
def under(shared_world):
    """The world under other settings, for the looks of the resumer and for the runs alike."""
    made: list[Resumed] = []

    def make(**over) -> Resumed:
        settings = shared_world.settings(**over)
        launcher = ProcessLauncher(settings=settings, logs=shared_world.home / "runs")
        made.append(Resumed(world=shared_world, services=open_services(settings), launcher=launcher))
        return made[-1]

    yield make
    for one in made:
        one.launcher.close()
        one.services.close()


def _taken_in(one: Resumed, kind: Kind = Kind.HAPPY):
    key, issue = one.world.plant(kind)
    take_in(one.services, key, base=None, prompt="", by="ada")
    return key, issue


def _parked(attempt) -> bool:
    return attempt.awaited is not None


def _looked_at_before_the_merge_is_noticed(one: Resumed, parked: Attempt) -> None:
    """A merge closes its issue: that is nobody's stop."""
    repository, number = parked.key.repository, parked.key.issue_number
    assert one.world.forge.issue(repository, number)["state"] == "closed"
    one.world.forge.label(repository, number, "something new of it")
    take_up(one.services, repositories=[repository])
    assert one.services.store.requests.of(parked.id) == ()


def test_a_person_merges_what_was_proposed_and_the_same_attempt_completes(under):
    one = under(mode="propose")
    since = tip(one.world)
    key, issue = _taken_in(one)
    parked = until(one.services, one.launcher, key, _parked)
    assert (parked.state, parked.awaited.what) == (State.MERGE_READY, "merge")
    assert merges(one.world, since) == []
    one.world.forge.merge_as_person(key.repository, parked.pr_number)
    _looked_at_before_the_merge_is_noticed(one, parked)
    ended = until(one.services, one.launcher, key, sealed)
    assert_done_once(one.world, one.services, key, since=since)
    assert ended.merged_by == "ada"
    assert ended.judged_sha == parked.judged_sha
    assert issue.check(one.world.shop_url).ok


@pytest.mark.parametrize("looked", [True, False], ids=["resumer-sees-it", "run-meets-it"])
def test_a_stop_after_a_person_merged_is_too_late(under, looked):
    one = under(mode="propose")
    since = tip(one.world)
    key, _ = _taken_in(one)
    parked = until(one.services, one.launcher, key, _parked)
    one.world.forge.merge_as_person(key.repository, parked.pr_number)
    one.services.store.requests.add(parked.id, kind="stop", by="ada")
    if not looked:
        run = one.launcher.by_hand(key, f"meets-{key.issue_number}", ("merge", "deployment"))
        run.join(60)
    until(one.services, one.launcher, key, sealed)
    assert_done_once(one.world, one.services, key, since=since)


def test_a_push_to_a_judged_change_voids_the_judgement(under):
    one = under(mode="propose")
    since = tip(one.world)
    key, _ = _taken_in(one)
    parked = until(one.services, one.launcher, key, _parked)
    pushed = people.push(one.world, key.branch, {"NOTES.md": "A word by hand.\n"})
    again = until(one.services, one.launcher, key, lambda a: a.head_sha == pushed and a.judged_sha is not None)
    again = until(one.services, one.launcher, key, _parked)
    assert again.judged_sha == again.head_sha == pushed != parked.head_sha
    _on_record_at(one, again, pushed)
    one.world.forge.merge_as_person(key.repository, again.pr_number)
    ended = until(one.services, one.launcher, key, sealed)
    assert ended.number == 1
    assert_done_once(one.world, one.services, key, since=since)


def test_a_push_while_ci_runs_is_taken_over(under):
    one = under(hold_seconds=0.0)
    since = tip(one.world)
    key, _ = _taken_in(one)
    # The forge's own CI may be quicker than the run.
    rule = one.world.forge.require_checks(key.repository, "slow")["id"]
    parked = until(one.services, one.launcher, key, _parked)
    assert (parked.state, parked.awaited.what) == (State.AWAITING_CI, "ci")
    one.world.forge.api("DELETE", key.repository, f"/rulesets/{rule}")
    pushed = people.push(one.world, key.branch, {"NOTES-2.md": "A word by hand.\n"})
    afresh = under(hold_seconds=0.0).services  # which has not remembered the rule
    ended = until(afresh, one.launcher, key, sealed)
    assert ended.judged_sha == ended.head_sha == pushed
    _on_record_at(one, ended, pushed)
    assert ended.infrastructure_retries == 0
    assert_done_once(one.world, one.services, key, since=since)


def test_a_run_killed_while_it_takes_a_push_over_does_not_set_the_agent_on_it(under, shared_world):
    crash = shared_world.home / "crash"
    one = under(mode="propose", crash_file=crash)
    since = tip(one.world)
    key, _ = _taken_in(one)
    parked = until(one.services, one.launcher, key, _parked)
    crash.write_text("store.runs.transition implementing after")
    pushed = people.push(one.world, key.branch, {"NOTES-3.md": "A word by hand.\n"})
    until(one.services, one.launcher, key, lambda a: a.head_sha == pushed)
    again = until(one.services, one.launcher, key, lambda a: _parked(a) and a.judged_sha == pushed)
    assert not crash.exists()
    assert again.infrastructure_retries == 1
    _on_record_at(one, again, pushed)
    one.world.forge.merge_as_person(key.repository, parked.pr_number)
    until(one.services, one.launcher, key, sealed)
    assert_done_once(one.world, one.services, key, since=since)


def _on_record_at(one: Resumed, attempt, sha: str) -> None:
    """Tests, snapshot and judgement name this head, and the agent did not work on it."""
    assert one.services.store.artifacts.report(attempt.id, kind="local", sha=sha) is not None
    snapshot = one.services.store.projections.snapshot(
        attempt.key.repository, pr_number=attempt.pr_number, head_sha=sha
    )
    assert snapshot is not None
    assert one.services.store.artifacts.evaluations(attempt.id)[-1].sha == sha
    sessions = [f for f in one.services.store.facts.of(attempt.id) if f.kind == "agent_session"]
    assert len(sessions) == 1


def test_a_pull_request_that_a_person_closed_is_for_a_person(under):
    one = under(mode="propose")
    since = tip(one.world)
    key, _ = _taken_in(one)
    parked = until(one.services, one.launcher, key, _parked)
    people.close_pull(one.world, parked.pr_number)
    ended = until(one.services, one.launcher, key, sealed)
    assert (ended.state, ended.human_reason) == (State.NEEDS_HUMAN, "pull_request_closed")
    assert merges(one.world, since) == []
    assert_evidence_verifies(one.services, key)


def test_a_failed_check_sends_its_log_to_the_next_attempt(resumed):
    world, services = resumed.world, resumed.services
    since = tip(world)
    key, issue = _taken_in(resumed, Kind.RED_FIRST)
    ended = until(services, resumed.launcher, key, lambda a: a.number == 2 and sealed(a))
    first, second = services.store.runs.all_of(key)
    assert first.state is State.NEEDS_ITERATION
    assert first.evidence_head is not None
    assert ended.state is State.COMPLETED, ended.reason
    prompts = [f for f in services.store.artifacts.files(second.id) if f.name == "implementation-prompt"]
    assert b"% off, but gets" in (services.blobs.get(prompts[-1].sha256) or b"")
    assert len(pulls(world, key)) == 1
    assert merges(world, since) == [second.merge_sha]
    assert issue.check(world.shop_url).ok
    assert_evidence_verifies(services, key)


def test_a_protected_path_waits_for_an_approval_of_exactly_its_head(resumed):
    world, services = resumed.world, resumed.services
    since = tip(world)
    key, issue = _taken_in(resumed, Kind.NEEDS_HUMAN)
    stopped = until(services, resumed.launcher, key, sealed)
    assert (stopped.state, stopped.human_reason) == (State.NEEDS_HUMAN, "protected_path")
    briefs = [str(c["body"]) for c in world.forge.comments(key.repository, stopped.pr_number)]
    assert any("needs-human" in body and "shop/tax.py" in body for body in briefs)

    services.store.requests.add(stopped.id, kind="approve", by="ada", sha="f" * 40)
    other = until(services, resumed.launcher, key, lambda a: services.store.requests.open(a.id) == ())
    assert other.state is State.NEEDS_HUMAN
    assert merges(world, since) == []

    services.store.requests.add(stopped.id, kind="approve", by="ada", sha=stopped.head_sha)
    ended = until(services, resumed.launcher, key, lambda a: a.state is not State.NEEDS_HUMAN and sealed(a))
    assert ended.state is State.COMPLETED, ended.reason
    assert merges(world, since) == [ended.merge_sha]
    assert issue.check(world.shop_url).ok
    assert_evidence_verifies(services, key)


def test_without_verification_in_the_policy_a_person_merges(resumed_alone):
    one = resumed_alone
    text = people.policy(one.world)
    people.push(one.world, "main", {".oneshot.toml": text[: text.index("[verify]")] + text[text.index("[protect]") :]})
    since = tip(one.world)
    key, _ = _taken_in(one)
    parked = until(one.services, one.launcher, key, _parked)
    assert (parked.state, parked.awaited.what) == (State.MERGE_READY, "merge")
    assert "no_verification_policy" in parked.reason
    assert merges(one.world, since) == []
    one.world.forge.merge_as_person(key.repository, parked.pr_number)
    ended = until(one.services, one.launcher, key, sealed)
    assert_done_once(one.world, one.services, key, since=since)
    assert "none (merged by ada)" in ended.reason
    assert ended.verified_sha is None
