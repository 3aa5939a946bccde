"""What holds of the resumer over everything that it may be asked, and over whole lives of changes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resume_world import HEAD, NOW, World, ago, asked, attempt_in, awaiting, gate_of, launched

from oneshot_dagster.domain.action import MoveTo, Nothing, RepeatStart, Settle, StartAttempt, StartRun, WaitUntil
from oneshot_dagster.domain.gate import Opening
from oneshot_dagster.domain.resume import next_action
from oneshot_dagster.domain.resume_facts import Awaiting, ResumeFacts, RunState
from oneshot_dagster.domain.run import LIVE, STOPPED, Kind, State, allowed, selection

STATUSES = ["queued", "not_started", "starting", "started", "canceling", "success", "failure", "canceled", "unknown"]
LAUNCHING = (StartRun, StartAttempt, RepeatStart)
seconds = st.sampled_from([0, 1, 4, 6, 29, 31, 59, 61, 200, 5000])
requests_of = st.lists(
    st.tuples(
        st.sampled_from(["stop", "hold", "resume", "retry", "approve", "answer"]),
        st.sampled_from([HEAD, "b" * 40, None]),
    ),
    max_size=3,
).map(lambda found: tuple(asked(kind, number=n, sha=sha, text="so") for n, (kind, sha) in enumerate(found, 1)))


@st.composite
def attempts(draw):
    what = draw(st.sampled_from([None, *Awaiting]))
    state = draw(st.sampled_from(list(State)))
    fields = {
        "kind": draw(st.sampled_from(list(Kind))),
        "awaited": awaiting(what, deadline=draw(st.sampled_from([-3000, 0, 10]))) if what else None,
        "infrastructure_retries": draw(st.integers(0, 6)),
    }
    if state is State.NEEDS_HUMAN:
        fields["human_from"] = draw(st.sampled_from([None, State.NEEDS_ITERATION, *sorted(LIVE)]))
        fields["human_reason"] = draw(st.sampled_from(["judge", "protected_path", "attempts_spent"]))
    return attempt_in(state, **fields)


@st.composite
def facts(draw):
    count, age = draw(st.integers(0, 5)), draw(seconds)
    chosen = st.sampled_from([("evidence",), ("check_state",), tuple(selection(State.AWAITING_CI, head_moved=False))])
    rows = tuple(launched(n + 1, age=age + 10 * (count - n), selection=draw(chosen)) for n in range(count))
    started = draw(st.sampled_from([None, ago(5), ago(45), ago(90)]))
    run = (
        RunState(run_id=rows[-1].dagster_run_id, status=draw(st.sampled_from(STATUSES)), started_at=started)
        if rows
        else None
    )
    flags = st.fixed_dictionaries(
        dict.fromkeys(
            ("last_run_moved", "lease_live", "merged_outside", "head_moved", "lane_free", "merge_free", "open_intent",
             "merge_intended", "evidence_sealed"),
            st.booleans(),
        )
    )  # fmt: skip
    opening = draw(st.sampled_from([None, *Opening]))
    return ResumeFacts(
        launches=rows,
        last_run=run,
        lease_expired_for=draw(st.none() | seconds),
        requests=draw(requests_of),
        gate=gate_of(opening) if opening else None,
        attempts_made=draw(st.integers(1, 4)),
        **draw(flags),
    )


def alive(seen):
    return seen.lease_live or (seen.last_run is not None and seen.last_run.status in STATUSES[:5])


def held(seen):
    words = [r.kind for r in seen.requests if r.kind in {"hold", "resume"}]
    return bool(words) and words[-1] == "hold"


@settings(max_examples=500, deadline=None)
@given(attempts(), facts())
def test_the_house_rules_hold_whatever_the_facts_are(attempt, seen):
    action = next_action(attempt, seen, NOW)
    assert action.reason.strip()
    if alive(seen):
        assert not isinstance(action, (*LAUNCHING, MoveTo))
    if held(seen):
        assert not isinstance(action, LAUNCHING)
    if isinstance(action, WaitUntil) and action.until is not None:
        assert action.until > NOW
    if isinstance(action, MoveTo):
        assert allowed(attempt.state, action.target)
        assert action.human_reason or action.target is not State.NEEDS_HUMAN
    if isinstance(action, MoveTo) and action.target is State.CANCELLED:
        assert not seen.open_intent
    if isinstance(action, Settle):
        assert set(action.handle) <= {r.id for r in seen.requests}
        assert action.handle


@settings(max_examples=500, deadline=None)
@given(attempts(), facts())
def test_a_launch_is_the_next_one_and_runs_what_the_lifecycle_says(attempt, seen):
    action = next_action(attempt, seen, NOW)
    if isinstance(action, StartRun):
        assert action.seq == len(seen.launches) + 1
        opened_by_push = seen.gate is not None and seen.gate.opening is Opening.HEAD_MOVED
        moved = seen.head_moved or (opened_by_push and attempt.awaited is not None)
        assert action.selection in {
            selection(attempt.state, head_moved=seen.head_moved, kind=attempt.kind),
            selection(attempt.state, head_moved=moved, kind=attempt.kind),
        }
        assert action.selection
    if isinstance(action, StartRun) and attempt.state in STOPPED:
        assert not action.costs_retry
    if isinstance(action, StartRun) and action.costs_retry:
        assert attempt.infrastructure_retries < seen.infrastructure_allowed
        parked = attempt.awaited is not None and seen.last_run is not None and seen.last_run.status == "success"
        assert not parked


@settings(max_examples=300, deadline=None)
@given(attempts(), facts())
def test_needs_human_without_a_request_has_nothing_but_evidence(attempt, seen):
    quiet = replace(seen, requests=())
    action = next_action(replace(attempt, state=State.NEEDS_HUMAN), quiet, NOW)
    assert not isinstance(action, (MoveTo, StartAttempt, Settle))
    assert not isinstance(action, StartRun) or action.selection == ("evidence",)


@pytest.mark.parametrize("state", sorted(LIVE - {State.ROLLING_BACK, State.ROLLED_BACK}))
@pytest.mark.parametrize("status", ["failure", "success", "unknown", "started"])
def test_a_run_that_never_gets_anywhere_ends_in_needs_human_with_its_evidence(state, status):
    def run(world, action):
        if isinstance(action, StartRun) and action.selection == ("evidence",):
            world.sealed = True
            return "success"
        return status

    world = World(attempt=attempt_in(state), run=run)
    last = world.until_rest()
    assert isinstance(last, Nothing)
    assert world.attempt.human_reason == "infrastructure_retries_spent"
    assert len(world.started(evidence=False)) == 6
    assert len(world.started(evidence=True)) == 1


@pytest.mark.parametrize("state", sorted(STOPPED))
def test_evidence_is_sealed_however_late_that_can_be_done_and_tried_ever_more_rarely(state):
    def run(world, action):
        world.sealed = world.now >= NOW + timedelta(days=30)
        return "success" if world.sealed else "failure"

    world = World(attempt=attempt_in(state), run=run)
    assert isinstance(world.until_rest(), Nothing)
    assert world.sealed
    assert len(world.started(evidence=True)) < 40


def always_red(world, action):
    if action.selection == ("evidence",):
        world.sealed = True
    else:
        world.attempt = replace(world.attempt, state=State.NEEDS_ITERATION, next_prompt="mend it")
    return "success"


def test_three_red_attempts_need_a_human_and_each_retry_is_one_more():
    world = World(attempt=attempt_in(State.QUEUED), run=always_red)
    world.until_rest()
    assert (world.attempts, world.attempt.human_reason) == (3, "attempts_spent")
    world.open_requests = (asked("retry"),)
    world.until_rest()
    assert (world.attempts, world.attempt.human_reason, world.open_requests) == (4, "attempts_spent", ())


def test_a_person_gives_fresh_retries_after_the_infrastructure_is_mended():
    mended = []

    def run(world, action):
        if action.selection == ("evidence",):
            world.sealed = True
            return "success"
        if mended:
            world.attempt = replace(world.attempt, state=State.COMPLETED)
        return "success" if mended else "failure"

    world = World(attempt=attempt_in(State.TESTING), run=run)
    world.until_rest()
    mended.append(True)
    world.open_requests = (asked("retry"),)
    world.until_rest()
    assert world.attempt.state is State.COMPLETED
    assert world.attempt.infrastructure_retries == 0


def test_a_park_whose_gate_says_open_while_its_run_parks_again_ends_with_the_deadline():
    def run(world, action):
        if action.selection == ("evidence",):
            world.sealed = True
        return "success"

    class Open(World):
        @property
        def facts(self):
            return replace(super().facts, gate=gate_of(Opening.PASSED))

    parked = attempt_in(State.AWAITING_CI, awaited=awaiting("ci", deadline=-600))
    world = Open(attempt=parked, run=run, launches=[launched()], status="success")
    world.until_rest()
    assert world.attempt.human_reason == "ci_timeout"
    assert len(world.started(evidence=False)) < 15
    assert world.now <= NOW + timedelta(seconds=600 + 121)
