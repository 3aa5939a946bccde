"""Which attempt a revert takes back, and what is said while something is taken back."""

from dataclasses import replace

from attempts import attempt

from oneshot_dagster.domain import rollback
from oneshot_dagster.domain.brief import needs_human_brief
from oneshot_dagster.domain.messages import status_comment
from oneshot_dagster.domain.run import Kind, State

RED = attempt(id="1", number=1, state=State.NEEDS_ITERATION)
BROKEN = attempt(id="2", number=2, state=State.ROLLING_BACK, merge_sha="c" * 40)
REVERT = attempt(
    id="3", number=3, kind=Kind.REVERT, merge_sha="d" * 40, state=State.NEEDS_HUMAN, human_from=State.VERIFYING
)
AGAIN = attempt(id="4", number=4, merge_sha="e" * 40, state=State.ROLLING_BACK)


def test_a_revert_takes_back_the_last_merged_attempt_before_it():
    attempts = [RED, BROKEN, REVERT, AGAIN]
    assert rollback.taken_back_by(REVERT, attempts) is BROKEN
    assert rollback.revert_of(BROKEN, attempts) is REVERT
    assert rollback.revert_of(AGAIN, attempts) is None
    assert rollback.taken_back_by(RED, attempts) is None


def test_failures_after_the_deployment_are_alike_whatever_numbers_they_tell():
    def failed(seconds: int) -> list[dict[str, object]]:
        return [{"suite": "integration", "verdict": "failed", "reason": "1 of 4", "log_tail": f"failed in {seconds} s"}]

    assert rollback.fingerprint(failed(3), "x") == rollback.fingerprint(failed(44), "y")
    assert rollback.fingerprint(failed(3), "x") != rollback.fingerprint([], "x")


def test_the_next_prompt_names_the_merge_and_why_it_did_not_stand():
    said = rollback.next_prompt(BROKEN, "integration: 1 of 4 tests failed")
    assert "ccccccc" in said
    assert "integration: 1 of 4 tests failed" in said


def test_the_brief_of_a_revert_names_what_it_takes_back():
    said = needs_human_brief(REVERT, earlier=[RED, BROKEN, REVERT])
    assert f"It takes back attempt 2, merged as `{'c' * 40}`" in said


def test_the_status_comment_tells_a_revert_from_the_change_being_done():
    ended = attempt(kind=Kind.REVERT, number=3, state=State.COMPLETED, merge_sha="d" * 40)
    said = status_comment(ended)
    assert said.startswith("**Taken back.**")
    assert "attempt 3, which takes the merged change back" in said


def test_a_conflict_names_the_files():
    assert "a.py, b.py" in rollback.conflict(["a.py", "b.py"])


BY_HAND = rollback.TakenBackAlready(
    base="main", tip="a" * 40, merge_sha="c" * 40, live="b" * 40, serves_it=True, verified="b" * 40
)


def test_what_a_person_took_back_stands_where_it_is_what_was_verified_and_serves():
    assert BY_HAND.stands
    assert "main stands at aaaaaaaaaaaa and holds nothing of cccccccccccc; that serves" in BY_HAND.sentence
    assert "the tree of bbbbbbbbbbbb, which was verified" in BY_HAND.sentence
    assert BY_HAND.comment.startswith(BY_HAND.sentence)
    assert not replace(BY_HAND, serves_it=False).stands
    assert not replace(BY_HAND, verified=None).stands


def test_a_persons_word_stands_for_a_verification_and_not_for_what_serves():
    vouched = replace(BY_HAND, verified=None, vouched_by="ada")
    assert vouched.stands
    assert "ada said that it is right" in vouched.sentence
    assert not replace(vouched, serves_it=False).stands


def test_what_nobody_verified_says_what_is_live_what_is_in_git_and_how_to_go_on():
    said = replace(BY_HAND, verified=None, serves_it=False).sentence
    assert "nobody verified what it holds now" in said
    assert "Live: bbbbbbbbbbbb serves. In git: main stands at aaaaaaaaaaaa and holds nothing of cccccccccccc" in said
    assert "bring aaaaaaaaaaaa to serve and see that it is right, then resume" in said
    assert "does not say its revision" in replace(BY_HAND, live=None, serves_it=False).sentence


def test_the_status_comment_of_a_revert_that_a_person_spared_us_says_taken_back():
    ended = attempt(kind=Kind.REVERT, number=3, state=State.SUPERSEDED, reason=BY_HAND.sentence)
    assert status_comment(ended).startswith("**Taken back.**")
