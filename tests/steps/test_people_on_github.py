"""People stop, hold, approve and withdraw by comments, labels and by closing the issue, while a change is on its way."""

import people
import pytest
from asking import Asking
from world_fixtures import Engine

from oneshot_dagster.domain.artifact import Artifact, NotMyTurn
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.local.demo.plant import REPOSITORY

ORDER = tuple(Artifact)


@pytest.fixture
def ask(world, engine):
    asking = Asking(world, engine)
    yield asking
    asking.close()


@pytest.fixture
def started(ask):
    key = ask.issue()
    ask.label(key)
    ask.look()
    ask.next_second()
    return key


def through(ask, key, last: Artifact):
    Engine(ask.services, "run-1").run(key, *ORDER[: ORDER.index(last) + 1])


@pytest.mark.parametrize("kind", ["stop", "hold"])
def test_a_command_becomes_the_request_that_the_cli_would_make(ask, started, kind):
    ask.say(started, f"Wait.\n\n/oneshot {kind}")
    ask.look()
    assert ask.open_requests(started) == [(kind, "ada")]


def test_several_commands_of_one_comment_are_asked_in_their_order(ask, started):
    ask.say(started, "/oneshot hold\n/oneshot resume")
    ask.look()
    assert ask.open_requests(started) == [("hold", "ada"), ("resume", "ada")]


def test_a_comment_on_the_pull_request_speaks_to_its_change(ask, started):
    through(ask, started, Artifact.PULL_REQUEST)
    ask.say(started, "/oneshot stop", number=ask.attempt(started).pr_number)
    ask.look()
    assert ask.open_requests(started) == [("stop", "ada")]


def test_commands_of_people_without_write_access_are_not_asked(ask, started):
    ask.people(eve="triage")
    ask.say(started, "/oneshot stop", by="eve")
    ask.look()
    assert ask.open_requests(started) == []


@pytest.mark.parametrize("how", ["unlabel", "close_issue"])
def test_a_withdrawn_issue_stops_the_change_and_says_why(ask, started, how):
    getattr(ask, how)(started)
    ask.look()
    assert ask.open_requests(started) == [("stop", "ada")]
    left = Engine(ask.services, "run-1").take(Artifact.WORKTREE, started)
    assert isinstance(left, NotMyTurn)
    assert ask.attempt(started).state is State.CANCELLED


def test_a_change_that_was_started_without_the_label_does_not_need_it(ask):
    key = ask.issue()
    ask.say(key, "/oneshot")
    ask.look()
    ask.say(key, "go on")
    ask.look()
    assert ask.open_requests(key) == []


def test_a_label_that_was_taken_off_before_a_comment_started_it_stops_nothing(ask):
    key = ask.issue()
    ask.label(key)
    ask.unlabel(key)
    ask.next_second()
    ask.say(key, "/oneshot")
    ask.look()
    ask.say(key, "thanks")
    ask.look()
    assert ask.open_requests(key) == []


def test_after_the_merge_a_closed_issue_stops_nothing_and_a_stop_is_told_that_it_is_too_late(ask, started):
    through(ask, started, Artifact.MERGE)
    assert ask.attempt(started).state is State.MERGED
    ask.close_issue(started)
    ask.say(started, "/oneshot stop")
    ask.look()
    assert ask.open_requests(started) == []
    (answer,) = [body for body in ask.ours(started) if "refused" in body]
    assert "too late" in answer
    assert "no other attempt follows a stop" in answer
    assert [(r.kind, r.by) for r in ask.services.store.requests.of(ask.attempt(started).id)] == [("stop", "ada")]


def test_a_change_that_is_over_is_not_touched_by_its_issue(ask, started):
    ask.cancel(started)
    ask.close_issue(started)
    assert ask.look() == ""


def protected(ask):
    """A change that waits for an approval of a protected path."""
    key, _ = ask.world.plant(Kind.NEEDS_HUMAN)
    ask.label(key)
    ask.look()
    through(ask, key, Artifact.EVALUATION)
    assert ask.attempt(key).human_reason == "protected_path"
    ask.next_second()
    return key


def approvals(ask, key) -> list[tuple[str, str | None]]:
    found = ask.services.store.requests.of(ask.attempt(key).id)
    return [(r.by, r.sha) for r in found if r.kind == "approve"]


def test_an_approval_is_of_the_head_that_was_there_when_it_was_said(ask):
    key = protected(ask)
    ask.say(key, "/oneshot approve")
    ask.look()
    assert approvals(ask, key) == [("ada", ask.attempt(key).head_sha)]


def test_an_approval_that_names_another_commit_is_refused(ask):
    key = protected(ask)
    ask.say(key, f"/oneshot approve {'f' * 12}")
    assert "other_commit" in ask.look()
    assert approvals(ask, key) == []


def test_an_approval_said_before_the_head_was_there_is_refused_and_one_that_names_it_counts(ask):
    key = ask.world.plant(Kind.NEEDS_HUMAN)[0]
    ask.label(key)
    ask.look()
    ask.say(key, "/oneshot approve")
    ask.next_second()
    ask.next_second()
    through(ask, key, Artifact.EVALUATION)
    head = ask.attempt(key).head_sha
    assert "head_moved" in ask.look()
    ask.say(key, f"/oneshot approve {head[:10]}")
    ask.look()
    assert approvals(ask, key) == [("ada", head)]


def test_an_approval_of_a_head_that_is_not_the_branch_s_any_more_is_refused(ask):
    key = protected(ask)
    old = ask.attempt(key).head_sha
    people.push(ask.world, key.branch, {"NOTES.md": "By hand.\n"})
    ask.say(key, f"/oneshot approve {old}")
    assert "head_moved" in ask.look()
    assert approvals(ask, key) == []


def test_what_is_protected_is_approved_by_its_code_owner(ask):
    people.push(ask.world, "main", {"CODEOWNERS": "*.py @grace\n"})
    ask.people(grace="write")
    key = protected(ask)
    ask.say(key, "/oneshot approve")
    assert "not_code_owner" in ask.look()
    assert approvals(ask, key) == []
    ask.say(key, "/oneshot approve", by="grace")
    ask.look()
    assert approvals(ask, key) == [("grace", ask.attempt(key).head_sha)]


def test_a_request_that_was_read_twice_is_one(ask, started):
    """As where a look died before it wrote down that it had heeded the comment."""
    attempt = ask.attempt(started)
    source = f"{started} comment 5 0"
    first = ask.services.store.requests.add(attempt.id, kind="retry", by="ada", source=source)
    ask.services.store.requests.handle(first.id)
    assert ask.services.store.requests.add(attempt.id, kind="retry", by="ada", source=source).id == first.id
    assert ask.open_requests(started) == []


def test_an_answer_with_several_lines_is_kept_whole(ask, started):
    ask.move(started, State.NEEDS_HUMAN)
    ask.say(started, "/oneshot answer Round up.\n\nAlways.")
    ask.look()
    (request,) = ask.services.store.requests.open(ask.attempt(started).id)
    assert (request.kind, request.text) == ("answer", "Round up.\n\nAlways.")


def test_a_command_that_comes_to_nothing_is_answered_with_the_reason(ask, started):
    ask.say(started, "/oneshot retry")
    assert "in_vain" in ask.look()
    (answer,) = [body for body in ask.ours(started) if "refused" in body]
    assert "waits for nobody's word" in answer


def test_a_pull_request_of_nobody_s_change_is_told_so(ask):
    ask.branch("by-hand", {"NOTES.md": "By hand.\n"})
    pull = ask.world.forge.create_pull(REPOSITORY, head="by-hand", base="main", title="By hand")
    ask.world.forge.comment(REPOSITORY, int(pull["number"]), "/oneshot")
    assert "is_pull_request" in ask.look()
