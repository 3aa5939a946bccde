"""Who may trigger, and what each trigger does in each state."""

from datetime import timedelta

import pytest
from resume_world import NOW, attempt_in

from oneshot_dagster.domain import trigger
from oneshot_dagster.domain.run import BEFORE_MERGE, LIVE, OBSERVE_ONLY, State
from oneshot_dagster.domain.trigger import Act, Does, Wish

STARTS = {None, State.CANCELLED, State.SUPERSEDED}
STOPS = {*BEFORE_MERGE, State.NEEDS_HUMAN, State.NEEDS_ITERATION}


def attempt_at(state):
    return None if state is None else attempt_in(state)


def act(event, at=0, *, actor="ada", label=trigger.LABEL, by_bot=False):
    return Act(event=event, actor=actor, at=NOW + timedelta(seconds=at), label=label, by_bot=by_bot)


@pytest.mark.parametrize("state", [None, *State])
def test_a_start_takes_in_what_is_new_or_was_stopped_and_nothing_that_is_on_its_way(state):
    expected = Does.TAKE_IN if state in STARTS else Does.REFUSE if state is State.COMPLETED else Does.NOTHING
    assert trigger.does(Wish.START, attempt_at(state)) is expected


@pytest.mark.parametrize("state", [None, *State])
def test_a_withdrawal_stops_what_has_not_merged_and_nothing_else(state):
    assert (trigger.does(Wish.WITHDRAW, attempt_at(state)) is Does.STOP) == (state in STOPS)


def test_what_was_only_observed_may_be_started_again():
    observed = attempt_in(State.NEEDS_HUMAN, human_reason=OBSERVE_ONLY)
    assert trigger.does(Wish.START, observed) is Does.TAKE_IN


def test_who_waits_for_a_person_after_the_merge_is_not_stopped_by_a_closed_issue():
    merged = attempt_in(State.NEEDS_HUMAN, human_from=State.VERIFYING, merge_sha="c" * 40)
    assert trigger.does(Wish.WITHDRAW, merged) is Does.NOTHING


def test_the_table_knows_each_standing_and_each_wish():
    assert {(at, wish) for at, row in trigger.DOES.items() for wish in row} == {
        (at, wish) for at in trigger.Standing for wish in Wish
    }


@pytest.mark.parametrize("state", sorted(LIVE | {State.NEEDS_HUMAN, State.NEEDS_ITERATION}))
def test_another_base_is_refused_while_the_change_is_on_its_way(state):
    attempt = attempt_in(state)
    assert trigger.refused_start(attempt, base=attempt.inputs.base) is None
    assert trigger.refused_start(attempt, base=None) is None
    refused = trigger.refused_start(attempt, base="release")
    assert refused is not None
    assert refused.code == "other_base"


def test_the_label_is_on_by_whoever_put_it_on_last():
    first, off, again = act("labeled"), act("unlabeled", 1), act("labeled", 2, actor="bob")
    assert trigger.put_on([first]) == first
    assert trigger.put_on([first, off]) is None
    assert trigger.put_on([first, off, again]) == again
    assert trigger.taken_off([first, off]) == off
    assert trigger.taken_off([first, off, again]) is None


def test_other_labels_say_nothing_and_letter_case_does_not_matter():
    assert trigger.put_on([act("labeled", label="bug")]) is None
    assert trigger.put_on([act("labeled"), act("unlabeled", 1, label="bug")]) is not None
    assert trigger.put_on([act("labeled", label="Oneshot")]) is not None


def test_who_edited_the_text_before_it_was_asked_for_does_not_matter():
    acts = [act("renamed", -5, actor="eve", label=None), act("renamed", 5, actor="dan", label=None)]
    assert trigger.editors_since(acts, NOW, ("eve", NOW - timedelta(seconds=1))) == {"dan"}
    assert trigger.editors_since(acts, NOW, (None, NOW)) == {"dan", None}
    assert trigger.editors_since([], NOW, None) == set()


def test_a_later_edit_needs_write_access():
    assert trigger.refused_text("ada", "write") is None
    assert trigger.refused_text("eve", "triage") is not None
    assert trigger.refused_text(None, "") is not None


def test_an_issue_that_was_reopened_is_not_closed():
    assert trigger.closed([act("closed"), act("reopened", 1)]) is None
    assert trigger.closed([act("reopened"), act("closed", 1)]) is not None


def test_what_happened_in_the_same_second_is_not_before():
    moment = NOW.replace(microsecond=0)
    assert not trigger.is_before(act("labeled"), moment + timedelta(microseconds=900_000))
    assert trigger.is_before(act("labeled"), moment + timedelta(seconds=1))
    assert not trigger.is_before(act("labeled"), None)


@pytest.mark.parametrize(
    ("login", "by_bot", "is_one"),
    [
        ("ada", False, False),
        ("renovate[bot]", False, True),
        ("helper", True, True),
        ("OneShot", False, True),
        (None, False, False),
    ],
)
def test_bots_and_our_own_identity_are_machines(login, by_bot, is_one):
    assert trigger.is_machine(login, by_bot=by_bot, ours="oneshot") is is_one


@pytest.mark.parametrize("login", [None, "ghost", "Ghost"])
def test_who_is_not_known_may_nothing(login):
    refused = trigger.refused_actor(login, "admin")
    assert refused is not None
    assert refused.code == "unknown_actor"


def test_only_write_access_triggers():
    allowed = [
        p for p in ("admin", "maintain", "write", "triage", "read", "none", "") if not trigger.refused_actor("eve", p)
    ]
    assert allowed == ["admin", "maintain", "write"]
