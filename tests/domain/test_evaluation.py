"""Claims about the evaluation: the rules, and that a model's opinion only makes it stricter."""

import json
from typing import Any

import pytest
from changed_files import HEAD, changed, snapshot
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.evaluation import (
    OPINION_SCHEMA,
    Decision,
    Evaluation,
    JudgeFailure,
    Sizes,
    evaluate,
)
from oneshot_dagster.domain.gate import Gate, Opening
from oneshot_dagster.domain.policy import Policy, parse_policy
from oneshot_dagster.domain.snapshot import FileStatus, Snapshot

GOOD = snapshot(changed("src/shop.py"), changed("tests/test_shop.py"))
PROTECTED = snapshot(changed(".github/workflows/ci.yml"), changed("migrations/1.sql"))
POLICY = parse_policy('[protect]\npaths = ["migrations/**"]\n')


def gate(opening: Opening = Opening.PASSED, sha: str = HEAD) -> Gate:
    return Gate(opening=opening, sha=sha, conditions=())


def judged(
    files: Snapshot = GOOD,
    *,
    policy: Policy = POLICY,
    issue: str = "Add a discount.",
    approved: frozenset[str] = frozenset(),
    at: Gate | None = None,
    opinion: str | None = None,
    sizes: Sizes | None = None,
) -> Evaluation:
    found = evaluate(
        files,
        policy,
        issue_text=issue,
        approvals_by_sha=approved,
        gate=at or gate(),
        opinion=opinion,
        sizes=sizes,
    )
    assert isinstance(found, Evaluation)
    return found


def opinion(**changes: Any) -> dict[str, Any]:
    return {
        "decision": "pass",
        "requirement_coverage": [{"requirement": "a discount", "covered": True, "where": "src/shop.py:3"}],
        "missing_items": [],
        "suggested_fixes": [],
        "next_prompt": None,
        "memory_notes": ["prices are in cents"],
        **changes,
    }


def test_a_good_change_passes_by_rules_alone() -> None:
    evaluation = judged()
    assert (evaluation.decision, evaluation.sha, evaluation.model) == (Decision.PASS, HEAD, False)
    assert evaluation.next_prompt is None
    assert "error" not in evaluation.reasons


UNPROPOSED = gate(Opening.DID_NOT_RUN)


@pytest.mark.parametrize(
    ("files", "decision", "error"),
    [
        (GOOD, Decision.NEEDS_HUMAN, "not_proposed"),
        (PROTECTED, Decision.NEEDS_HUMAN, "protected_path"),
        (snapshot(), Decision.NEEDS_ITERATION, "empty_diff"),
    ],
)
def test_without_a_pull_request_nothing_passes_and_what_the_rules_send_back_goes_back(
    files: Snapshot, decision: Decision, error: str
) -> None:
    evaluation = judged(files, at=UNPROPOSED)
    assert (evaluation.decision, evaluation.reasons["error"]) == (decision, error)


@pytest.mark.parametrize(
    ("files", "at", "decision", "error"),
    [
        (snapshot(), gate(), Decision.NEEDS_ITERATION, "empty_diff"),
        (GOOD, gate(Opening.PENDING), Decision.NEEDS_ITERATION, "gate_not_passed"),
        (GOOD, gate(sha="c" * 40), Decision.NEEDS_ITERATION, "gate_not_passed"),
        (PROTECTED, gate(), Decision.NEEDS_HUMAN, "protected_path"),
        (PROTECTED, gate(Opening.FAILED), Decision.NEEDS_HUMAN, "protected_path"),
        (
            snapshot(changed("tests/test_a.py", status=FileStatus.DELETED)),
            gate(),
            Decision.NEEDS_ITERATION,
            "tests_removed",
        ),
        (snapshot(changed("tests/test_a.py", patch=None)), gate(), Decision.NEEDS_HUMAN, "tests_unread"),
        (snapshot(*(changed(f"f{n}") for n in range(201))), gate(), Decision.NEEDS_HUMAN, "too_large"),
        (snapshot(changed("f", additions=10_000)), gate(), Decision.NEEDS_HUMAN, "too_large"),
    ],
)
def test_a_broken_rule_decides(files: Snapshot, at: Gate, decision: Decision, error: str) -> None:
    evaluation = judged(files, at=at)
    assert (evaluation.decision, evaluation.reasons["error"]) == (decision, error)
    assert evaluation.missing_items


@pytest.mark.parametrize("opening", [opening for opening in Opening if opening is not Opening.PASSED])
def test_nothing_passes_before_the_gate(opening: Opening) -> None:
    assert judged(at=gate(opening)).decision is not Decision.PASS


def test_protected_paths_are_listed() -> None:
    assert judged(PROTECTED).reasons["protected_paths"] == [".github/workflows/ci.yml", "migrations/1.sql"]


def test_only_an_approval_of_exactly_this_sha_opens_a_protected_path() -> None:
    assert judged(PROTECTED, approved=frozenset({"c" * 40, HEAD[:12]})).decision is Decision.NEEDS_HUMAN
    assert judged(PROTECTED, approved=frozenset({HEAD})).decision is Decision.PASS


def test_a_test_may_go_where_the_issue_asks_for_it() -> None:
    gone = snapshot(changed("tests/test_a.py", status=FileStatus.DELETED))
    assert judged(gone, issue="Delete the test of the old API.").decision is Decision.PASS


def test_an_iteration_tells_the_agent_what_to_do() -> None:
    evaluation = judged(snapshot(changed("tests/test_a.py", status=FileStatus.DELETED)))
    assert evaluation.next_prompt is not None
    assert "tests/test_a.py" in evaluation.next_prompt


def test_a_binary_file_counts_as_a_file_without_lines() -> None:
    assert judged(snapshot(changed("a.png", additions=None, deletions=None)), sizes=Sizes(files=1, lines=0))


@pytest.mark.parametrize("files", [GOOD, snapshot(), PROTECTED])
@pytest.mark.parametrize("says", list(Decision))
def test_an_opinion_only_makes_it_stricter(files: Snapshot, says: Decision) -> None:
    order = list(Decision)
    raw = json.dumps(opinion(decision=says, next_prompt="round up" if says is not Decision.PASS else None))
    alone, both = judged(files), judged(files, opinion=raw)
    assert order.index(both.decision) == max(order.index(alone.decision), order.index(says))
    assert both.model


def test_what_the_model_misses_goes_into_the_next_prompt() -> None:
    entry = {"requirement": "round up", "covered": False, "where": ""}
    raw = json.dumps(opinion(decision="needs_iteration", requirement_coverage=[entry], missing_items=["a test"]))
    evaluation = judged(opinion=raw)
    assert evaluation.next_prompt == "Still missing: a test\nStill missing: round up"
    assert evaluation.reasons["error"] == "judge_says_no"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "pass",
        '{"decision": "pass"}',
        json.dumps([opinion()]),
        json.dumps(opinion(decision="approved")),
        json.dumps(opinion(decision="PASS")),
        json.dumps(opinion(decision=["pass"])),
        json.dumps(opinion(confidence=1)),
        json.dumps(opinion(missing_items="none")),
        json.dumps(opinion(missing_items=["a test"])),
        json.dumps(opinion(memory_notes=[1])),
        json.dumps(opinion(memory_notes=["\0"])),
        json.dumps(opinion(memory_notes=["\ud800"])),
        json.dumps(opinion(memory_notes=["x"] * 101)),
        json.dumps(opinion(memory_notes=["x" * 4001])),
        json.dumps(opinion(requirement_coverage=[])),
        json.dumps(opinion(requirement_coverage=[{"requirement": "a", "covered": False, "where": ""}])),
        json.dumps(opinion(requirement_coverage=[{"requirement": "a", "covered": True, "where": "src/shop.py"}])),
        json.dumps(opinion(requirement_coverage=[{"requirement": "a", "covered": 1, "where": "a:1"}])),
        json.dumps(opinion(decision="needs_iteration")),
        json.dumps(opinion(next_prompt=float("nan"))),
        '{"decision": "needs_human", ' + json.dumps(opinion())[1:],
        "```json\n" + json.dumps(opinion()) + "\n```",
        "[" * 100_000,
        " " * 300_000,
    ],
)
def test_an_answer_that_does_not_read_is_a_judge_failure(raw: str) -> None:
    found = evaluate(GOOD, POLICY, issue_text="", approvals_by_sha=frozenset(), gate=gate(), opinion=raw)
    assert isinstance(found, JudgeFailure)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(json.dumps))
def test_no_stray_answer_becomes_a_verdict(raw: str) -> None:
    found = evaluate(GOOD, POLICY, issue_text="", approvals_by_sha=frozenset(), gate=gate(), opinion=raw)
    assert isinstance(found, JudgeFailure)


def test_the_schema_asks_for_what_is_read() -> None:
    assert set(OPINION_SCHEMA["required"]) == set(opinion()) == set(OPINION_SCHEMA["properties"])
    assert OPINION_SCHEMA["properties"]["decision"]["enum"] == [str(decision) for decision in Decision]
    json.dumps(OPINION_SCHEMA)
