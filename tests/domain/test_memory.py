"""Claims about what is learned from a finished attempt."""

import pytest
from attempts import NOW, attempt
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import Report, StoredEvaluation
from oneshot_dagster.domain.gate import Condition
from oneshot_dagster.domain.memory import Mended, learned
from oneshot_dagster.domain.patch import Failure
from oneshot_dagster.domain.run import STOPPED, State
from oneshot_dagster.domain.test_results import judge_suite, to_json

RED = Condition(name="ci:ci", verdict=Verdict.FAILED, fact="ci: failure", sha="a" * 40, opens="a green ci")
JUNIT = b'<testsuite><testcase name="boundary"><failure message="90 is not 91"/></testcase></testsuite>'
SUITE = judge_suite("unit", "t {junit}", "a", exit_code=1, timed_out=False, junit=JUNIT, log_tail="", seconds=1.0)
REPORT = Report(kind="local", sha="a", verdict=Verdict.FAILED, suites=(to_json(SUITE),), at=NOW)


def evaluation(decision: str, *, notes: tuple[str, ...] = (), missing: tuple[str, ...] = ()) -> StoredEvaluation:
    return StoredEvaluation(
        decision=decision,
        sha="a" * 40,
        reasons={"error": "judge_says_no", "memory_notes": list(notes)},
        missing_items=missing,
        next_prompt=None,
        model=None,
        prompt_sha256=None,
        raw_output=None,
        at=NOW,
    )


@pytest.mark.parametrize("state", sorted(STOPPED))
def test_every_finished_attempt_leaves_a_memory(state: State) -> None:
    memories = learned(attempt(state=state), (), (), ())
    assert len(memories) == 1
    assert str(state) in memories[0].content
    assert {"acme/shop", "issue-2", "attempt-1", str(state)} <= set(memories[0].tags)


def test_the_summary_says_what_failed() -> None:
    stumbled = attempt(state=State.NEEDS_ITERATION, reason="ci is red")
    content = learned(stumbled, (evaluation("needs_iteration", missing=("a test",)),), (REPORT,), (RED,))[0].content
    for text in (
        "ci is red",
        "ci:ci: ci: failure",
        "1 of 1 tests failed: boundary (90 is not 91)",
        "evaluation: a test",
    ):
        assert text in content


def test_what_cured_an_earlier_failure_is_remembered() -> None:
    first = attempt(state=State.NEEDS_ITERATION, reason="ci is red", next_prompt="mend the boundary")
    second = attempt(number=2, state=State.COMPLETED, merge_sha="c" * 40)
    cure = learned(second, (), (), (), earlier=(first,))[1]
    assert "cure" in cure.tags
    for text in ("Attempt 1 failed: ci is red", "mend the boundary", "Attempt 2 cured it"):
        assert text in cure.content


def test_what_failed_again_is_no_cure() -> None:
    first = attempt(state=State.NEEDS_ITERATION, reason="ci is red")
    second = attempt(number=2, state=State.NEEDS_HUMAN, human_reason="attempts_spent")
    memories = learned(second, (), (), (RED,), earlier=(first,))
    assert len(memories) == 1
    assert "attempts_spent" in memories[0].tags


def test_a_passed_report_is_no_failure() -> None:
    passed = Report(kind="local", sha="a", verdict=Verdict.PASSED, suites=(), at=NOW)
    done = attempt(state=State.COMPLETED)
    assert len(learned(done, (evaluation("pass"),), (passed,), ())) == 1


def test_notes_of_the_judge_are_kept_once() -> None:
    judged = evaluation("pass", notes=("prices are in cents", "prices are in cents"))
    notes = [m for m in learned(attempt(state=State.COMPLETED), (judged, judged), (), ()) if "note" in m.tags]
    assert [note.content for note in notes] == ["prices are in cents"]


@given(
    st.lists(st.text(max_size=40).map(lambda text: text * 20), max_size=20),
    st.text(max_size=100).map(lambda text: text * 50),
)
def test_memories_are_bounded(texts: list[str], long: str) -> None:
    judged = evaluation("needs_iteration", notes=tuple(texts), missing=tuple(texts))
    finished = attempt(state=State.COMPLETED, reason=long, inputs={"issue_title": long})
    memories = learned(finished, (judged,), (REPORT,), (RED,), earlier=(finished,))
    assert 1 <= len(memories) <= 10
    assert all(len(memory.content) <= 4_000 and 0 < len(memory.title) <= 200 for memory in memories)


def test_a_mended_check_is_remembered_by_its_own_words_and_by_where_it_was_mended() -> None:
    log = "collected 3\nFAILED test_edge: 12 should get 5 % off\nFAILED test_edge: 12 should get 5 % off\nbye\n"
    mended = Mended(failures=(Failure(name="ci", log=log),), files=("shop/mug.py",))
    cure = learned(attempt(number=2, state=State.NEEDS_HUMAN), (), (), (), mended=mended)[1]
    assert cure.content == "ci failed: FAILED test_edge: 12 should get 5 % off\nCured by changing shop/mug.py."
    assert "cure" in cure.tags
    silent = Mended(failures=(Failure(name="ci", log="a\nb\n"),), files=())
    assert learned(attempt(number=2), (), (), (), mended=silent)[1].content.splitlines() == [
        "ci failed: b", "Cured by changing nothing: it passed when it was run again.",
    ]  # fmt: skip
