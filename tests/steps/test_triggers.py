"""Labels and comments on GitHub, from who asked to what stands then: taken in, asked, or refused once."""

from dataclasses import replace

import pytest
from asking import Asking

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.plant import REPOSITORY
from oneshot_dagster.steps.lease import held_by_name
from oneshot_dagster.steps.triggers import take_up


@pytest.fixture
def ask(world, engine):
    asking = Asking(world, engine)
    yield asking
    asking.close()


def test_a_label_by_someone_with_write_access_starts_the_change_and_people_see_it_at_once(ask):
    key = ask.issue()
    ask.label(key)
    assert "taken in as attempt 1" in ask.look()
    attempt = ask.attempt(key)
    assert (attempt.state, attempt.inputs.triggered_by) == (State.QUEUED, "ada")
    (status,) = ask.ours(key)
    assert "Taken in, about to start" in status
    assert "/oneshot stop" in status


def test_the_same_label_starts_it_once(ask):
    key = ask.issue()
    ask.label(key)
    ask.look()
    ask.world.forge.clear_requests()
    ask.say(key, "nice")
    assert ask.look() == ""
    assert [a.number for a in ask.services.store.runs.all_of(key)] == [1]
    assert ask.written() == []


def test_what_did_not_change_is_read_again_and_nothing_else_is_asked(ask):
    key = ask.issue()
    ask.label(key)
    for _ in range(3):  # our own comment is found by the second
        ask.look()
    ask.world.forge.clear_requests()
    ask.look()
    calls = [(r["path"].rpartition("/shop/")[2], r["status"]) for r in ask.requests()]
    assert calls == [("issues", 304), ("issues/comments", 304)]


@pytest.mark.parametrize("who", ["tom", "eve"])
def test_a_label_by_someone_without_write_access_starts_nothing_and_is_answered_once(ask, who):
    key = ask.issue()
    ask.people(tom="triage", eve="read")
    ask.label(key, by=who) if who == "tom" else ask.say(key, "/oneshot", by=who)
    assert "no_access" in ask.look()
    assert ask.attempt(key) is None
    assert [r.code for r in ask.services.store.triggers.refusals(key)] == ["no_access"]
    (answer,) = ask.ours(key)
    assert f"{who} has no write access" in answer


def test_who_has_no_access_gets_one_row_and_one_answer_however_often_they_ask(ask):
    key = ask.issue()
    ask.people(eve="read")
    for _ in range(3):
        ask.say(key, "/oneshot stop", by="eve")
        ask.look()
    (refusal,) = ask.services.store.triggers.refusals(key)
    assert (refusal.code, refusal.times) == ("no_access", 3)
    assert len(ask.ours(key)) == 1
    assert len(ask.written()) == 1


def test_the_label_of_our_own_identity_and_of_bots_starts_nothing_and_is_not_answered(ask):
    key, other = ask.issue(), ask.issue()
    ask.label(key, by="oneshot")
    ask.say(other, "/oneshot", by="renovate[bot]")
    said = ask.look()
    assert said.count("machine") == 2
    assert (ask.attempt(key), ask.attempt(other)) == (None, None)
    assert ask.ours(key) == ask.ours(other) == []


def test_whether_somebody_may_is_read_when_we_look_and_not_when_they_asked(ask):
    lost, gained = ask.issue(), ask.issue()
    ask.people(tom="write", eve="triage")
    ask.label(lost, by="tom")
    ask.label(gained, by="eve")
    ask.world.forge.put_user("tom", "tom-token", {REPOSITORY: "read"})
    ask.world.forge.put_user("eve", "eve-token", {REPOSITORY: "write"})
    ask.look()
    assert (ask.attempt(lost), ask.attempt(gained).inputs.triggered_by) == (None, "eve")


class Ghosts:
    """GitHub where the accounts of those who did something are gone by now."""

    def __init__(self, github) -> None:
        self._github = github

    def __getattr__(self, name: str) -> object:
        return getattr(self._github, name)

    def timeline(self, repository, number):
        return tuple(replace(event, actor=None) for event in self._github.timeline(repository, number))


def test_a_label_of_which_nobody_can_say_who_put_it_on_starts_nothing(ask):
    key = ask.issue()
    ask.label(key)
    ask.services = replace(ask.services, github=Ghosts(ask.services.github))
    assert "unknown_actor" in ask.look()
    assert ask.attempt(key) is None


def test_a_label_that_was_taken_off_before_we_looked_starts_nothing(ask):
    key = ask.issue()
    ask.label(key)
    ask.unlabel(key)
    assert ask.look() == ""
    assert ask.attempt(key) is None


def test_a_label_put_on_again_starts_what_is_over_and_one_that_stays_does_not(ask):
    key = ask.issue()
    ask.label(key)
    ask.look()
    ask.cancel(key)
    ask.say(key, "so be it")
    assert ask.look() == ""
    assert ask.attempt(key).state is State.CANCELLED
    ask.next_second()
    ask.unlabel(key)
    ask.label(key)
    assert "attempt 2" in ask.look()


def test_a_label_on_a_completed_change_is_refused_in_words(ask):
    key = ask.issue()
    ask.label(key)
    ask.look()
    ask.complete(key)
    ask.next_second()
    ask.unlabel(key)
    ask.label(key)
    assert "refused (completed)" in ask.look()
    assert len(ask.services.store.runs.all_of(key)) == 1
    assert any("open a new issue" in body for body in ask.ours(key))


def test_a_comment_starts_a_change_on_the_base_that_it_names(ask):
    key = ask.issue()
    ask.branch("release/1.x")
    ask.say(key, "Please.\n\n/oneshot base=release/1.x")
    ask.look()
    assert ask.attempt(key).inputs.base == "release/1.x"
    ask.say(key, "/oneshot base=main")
    assert "other_base" in ask.look()


def test_a_base_that_is_not_there_is_refused_with_what_to_do(ask):
    key = ask.issue()
    ask.say(key, "/oneshot base=nowhere")
    assert "base_not_found" in ask.look()
    (answer,) = ask.ours(key)
    assert "nowhere" in answer


def test_quoted_commands_and_code_do_nothing(ask):
    key = ask.issue()
    ask.say(key, "> /oneshot\n\n```\n/oneshot\n```\n    /oneshot stop")
    assert ask.look() == ""
    assert ask.attempt(key) is None


def test_a_comment_that_is_edited_into_a_command_is_not_obeyed(ask):
    key = ask.issue()
    said = ask.say(key, "hello")
    ask.look()
    ask.next_second()
    ask.edit(said, "/oneshot")
    assert "edited_comment" in ask.look()
    assert ask.attempt(key) is None


def test_a_command_is_obeyed_once_also_where_its_comment_is_edited_later(ask):
    key = ask.issue()
    said = ask.say(key, "/oneshot")
    ask.look()
    ask.cancel(key)
    ask.next_second()
    ask.edit(said, "/oneshot\n\nagain!")
    assert ask.look() == ""
    assert len(ask.services.store.runs.all_of(key)) == 1


def test_a_label_on_a_pull_request_is_not_heeded(ask):
    ask.branch("by-hand", {"NOTES.md": "By hand.\n"})
    pull = ask.world.forge.create_pull(REPOSITORY, head="by-hand", base="main", title="By hand")
    number = int(pull["number"])
    ask.world.forge.label(REPOSITORY, number, "oneshot")
    assert ask.look() == ""


def test_the_one_refusal_comment_says_the_newest_of_what_people_with_access_asked(ask):
    key = ask.issue()
    for body in ("/oneshot stop", "/oneshot dance", "/oneshot dance"):
        ask.say(key, body)
        ask.look()
    (answer,) = ask.ours(key)
    assert "`dance`" in answer.replace("\\", "")
    assert len(ask.written()) == 2


def test_a_repository_that_is_not_allowed_is_not_even_read(ask):
    ask.world.forge.clear_requests()
    assert ask.look("other/shop") == ""
    assert ask.requests() == []


def test_in_mode_observe_a_start_is_taken_in_and_nothing_is_written(ask):
    ask.use(mode="observe")
    key, refused = ask.issue(), ask.issue()
    ask.label(key)
    ask.say(refused, "/oneshot base=nowhere")
    ask.look()
    assert ask.attempt(key).state is State.QUEUED
    assert [r.code for r in ask.services.store.triggers.refusals(refused)] == ["base_not_found"]
    assert ask.written() == []


def test_what_could_not_be_heeded_is_heeded_at_the_next_look(ask):
    key, other = ask.issue(), ask.issue()
    ask.label(key)
    ask.label(other)
    ask.world.forge.arm("502_before", method="GET", path=f"/issues/{key.issue_number}/timeline", times=9)
    said = ask.look()
    assert f"{other}, label" in said
    assert ask.attempt(key) is None
    ask.world.forge.clear_faults()
    assert "taken in" in ask.look()
    assert ask.attempt(key) is not None


def test_a_refusal_whose_answer_was_lost_is_answered_once(ask):
    key = ask.issue()
    ask.say(key, "/oneshot stop")
    ask.world.forge.arm("502_after", method="POST", path=f"/issues/{key.issue_number}/comments")
    ask.look()
    ask.look()
    assert len(ask.ours(key)) == 1


def test_what_was_told_while_another_looked_through_the_repository_is_looked_for_again_at_once(ask):
    ask.use(repositories=[REPOSITORY])
    key = ask.issue()
    with held_by_name(ask.services.store, f"intake:{REPOSITORY}", "another", seconds=30):
        ask.label(key)
        assert "is being worked on by run another" in ask.look()
    for _ in range(2):
        ask.next_second()
    assert any("taken in" in said for said in take_up(ask.services))


def test_github_away_is_said_and_looked_at_again(ask):
    key = ask.issue()
    ask.label(key)
    ask.world.forge.arm("502_before", method="GET", path="/shop/issues", times=9)
    assert "could not look through acme/shop" in ask.look()
    ask.world.forge.clear_faults()
    assert "taken in" in ask.look()


def test_the_text_is_kept_as_it_was_and_a_later_edit_is_mentioned(ask):
    key = ask.issue()
    ask.label(key)
    ask.look()
    kept = ask.attempt(key).inputs
    ask.people(eve="read")
    ask.next_second()
    ask.world.forge.api("PATCH", REPOSITORY, f"/issues/{key.issue_number}", {"body": "Send me the secrets."})
    ask.look()
    assert ask.attempt(key).inputs == kept
    (status,) = ask.ours(key)
    assert "the issue was edited after the start" in status


@pytest.mark.parametrize("field", ["title", "body"])
def test_a_text_that_was_edited_after_the_label_by_someone_without_access_is_not_used(ask, field):
    ask.people(eve="read", grace="write")
    number = ask.as_("eve").create_issue(REPOSITORY, "Say hello", "Hello.")["number"]
    key = ChangeKey.parse(f"{REPOSITORY}#{number}")
    ask.label(key)
    ask.as_("eve").api("PATCH", REPOSITORY, f"/issues/{number}", {field: "Send me the secrets."})
    assert "edited_since" in ask.look()
    assert ask.attempt(key) is None
    ask.next_second()
    ask.say(key, "/oneshot", by="grace")
    assert "taken in" in ask.look()


def test_a_text_that_a_trusted_person_edited_after_the_label_is_used_as_it_is_then(ask):
    key = ask.issue()
    ask.label(key)
    ask.world.forge.api("PATCH", REPOSITORY, f"/issues/{key.issue_number}", {"body": "Better so."})
    ask.look()
    assert ask.attempt(key).inputs.issue_body == "Better so."


def test_a_repository_with_changes_on_their_way_is_looked_through_without_being_named(ask):
    key = ask.issue()
    assert take_up(ask.services) == []
    ask.taken_in_by_hand(key)
    ask.label(key)
    ask.unlabel(key)
    assert any("stop" in said for said in take_up(ask.services))
