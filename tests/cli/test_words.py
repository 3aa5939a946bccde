"""Claims about stop, hold, resume, retry, approve and answer."""

import pytest
from store_fixtures import TO_COMPLETED, TO_MERGE_READY, intake, sha, walk

from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.lease import held

KEY = "acme/shop#2"
WORDS = (("stop",), ("hold",), ("resume",), ("retry",), ("approve",), ("answer",))


def ask(oneshot, word, *more):
    return oneshot(word, KEY, *more, *(["a text"] if word == "answer" and not more else []))


def human(store, *path, human_reason="protected_path"):
    attempt = walk(store, intake(store), *path)
    fields = {"human_reason": human_reason}
    return store.runs.transition(attempt, State.NEEDS_HUMAN, reason="stuck", cause="a test", fields=fields)


@pytest.mark.parametrize("word", ["stop", "hold"])
def test_a_word_is_recorded_with_who_said_it_and_what_follows(oneshot, store, word):
    attempt = intake(store)
    said = ask(oneshot, word)
    assert said.code == 0
    assert said.out.splitlines()[0] == f"recorded: {word} {KEY}, attempt 1, by grace"
    assert said.out.splitlines()[1].startswith("next: no run is at work")
    (request,) = store.requests.open(attempt.id)
    assert (request.kind, request.by, request.sha) == (word, "grace", None)


@pytest.mark.parametrize("word", ["resume", "retry", "approve", "answer"])
def test_a_change_that_needs_a_person_hears_each_word_that_leads_back(oneshot, store, word):
    attempt = store.runs.update(human(store, State.WORKTREE_READY).id, {"head_sha": sha("a")})
    assert ask(oneshot, word).code == 0
    (request,) = store.requests.open(attempt.id)
    assert (request.kind, request.sha) == (word, sha("a") if word == "approve" else None)
    assert request.text == ("a text" if word == "answer" else "")


def test_an_approval_is_bound_to_the_head_on_record_and_says_which(oneshot, store):
    attempt = store.runs.update(human(store, *TO_MERGE_READY[:6]).id, {"head_sha": sha("b")})
    assert f"at commit {sha('b')}" in ask(oneshot, "approve").out
    store.runs.update(attempt.id, {"head_sha": sha("c")})
    assert f"at commit {sha('c')}" in ask(oneshot, "approve").out
    assert [request.sha for request in store.requests.of(attempt.id)] == [sha("b"), sha("c")]


def test_there_is_nothing_to_approve_before_the_first_commit(oneshot, store):
    attempt = intake(store)
    said = ask(oneshot, "approve")
    assert said.code == 2
    assert "no commit yet" in said.err
    assert store.requests.of(attempt.id) == ()


@pytest.mark.parametrize(("word",), WORDS)
@pytest.mark.parametrize("state", [State.COMPLETED, State.CANCELLED])
def test_an_attempt_that_ended_hears_nothing_and_says_so(oneshot, store, word, state):
    attempt = walk(store, intake(store), *(TO_COMPLETED if state is State.COMPLETED else (state,)))
    said = ask(oneshot, word)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert state in said.err
    assert store.requests.of(attempt.id) == ()


@pytest.mark.parametrize("word", ["stop", "hold"])
@pytest.mark.parametrize("stuck", [False, True])
def test_after_the_merge_it_is_too_late_to_stop(oneshot, store, word, stuck):
    path = TO_COMPLETED[: TO_COMPLETED.index(State.DEPLOYING) + 1]
    attempt = human(store, *path) if stuck else walk(store, intake(store), *path)
    said = ask(oneshot, word)
    assert said.code == 2
    assert "too late" in said.err
    assert store.requests.open(attempt.id) == ()
    assert [r.kind for r in store.requests.of(attempt.id)] == ["stop"] * (word == "stop")  # no attempt is to follow


@pytest.mark.parametrize("word", ["resume", "retry", "answer"])
def test_a_change_that_goes_on_by_itself_refuses_what_would_do_nothing(oneshot, store, word):
    attempt = walk(store, intake(store), State.WORKTREE_READY)
    said = ask(oneshot, word)
    assert said.code == 2
    assert "goes on by itself" in said.err or "go on by itself" in said.err
    assert store.requests.of(attempt.id) == ()


def test_resume_is_heard_by_a_live_change_that_is_on_hold(oneshot, store):
    attempt = intake(store)
    ask(oneshot, "hold")
    assert ask(oneshot, "resume").code == 0
    assert [request.kind for request in store.requests.open(attempt.id)] == ["hold", "resume"]


def test_the_same_word_twice_is_one_request(oneshot, store):
    attempt = intake(store)
    ask(oneshot, "stop")
    assert "asked before" in ask(oneshot, "stop").out
    assert len(store.requests.of(attempt.id)) == 1


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_answer_is_refused(oneshot, store, text):
    human(store, State.WORKTREE_READY)
    said = ask(oneshot, "answer", text)
    assert said.code == 2
    assert "no text" in said.err


def test_whoever_waits_for_the_change_is_woken(oneshot, store):
    attempt = intake(store)
    with store.waiting(attempt.key) as waiter:
        ask(oneshot, "hold")
        assert waiter.wait(10)


def test_a_run_that_is_at_work_is_said(oneshot, store):
    attempt = intake(store)
    with held(store, attempt.key, "run-1", seconds=30):
        assert "next: a run is at work" in ask(oneshot, "hold").out
