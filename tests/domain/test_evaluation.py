"""Claims about the evaluation: the rules, and that a model's opinion only makes it stricter."""

import json
from typing import Any

import pytest
from changed_files import HEAD, changed, snapshot
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.evaluation import Evaluation, by_rules, evaluated, worth_asking
from oneshot_dagster.domain.evaluation_rules import Sizes, seen_whole
from oneshot_dagster.domain.gate import Gate, Opening
from oneshot_dagster.domain.new_tests import Proof
from oneshot_dagster.domain.opinion import OPINION_SCHEMA, Decision, JudgeFailure, parse_opinion
from oneshot_dagster.domain.policy import Policy, parse_policy
from oneshot_dagster.domain.snapshot import FileStatus, Snapshot

GOOD = snapshot(changed("src/shop.py"), changed("tests/test_shop.py"))
PROTECTED = snapshot(changed(".github/workflows/ci.yml"), changed("migrations/1.sql"))
POLICY = parse_policy('[protect]\npaths = ["migrations/**"]\n')


def gate(opening: Opening = Opening.PASSED, sha: str = HEAD) -> Gate:
    return Gate(opening=opening, sha=sha, conditions=())


def ruled(files: Snapshot = GOOD, *, at: Gate | None = None, policy: Policy = POLICY, **given: Any):
    known = {"issue_text": "Add a discount.", "approvals_by_sha": frozenset[str](), "proof": None, "sizes": None}
    return by_rules(files, policy, gate=at or gate(), **{**known, **given})


def judged(
    files: Snapshot = GOOD,
    *,
    policy: Policy = POLICY,
    issue: str = "Add a discount.",
    approved: frozenset[str] = frozenset(),
    at: Gate | None = None,
    opinion: str | None = None,
    sizes: Sizes | None = None,
    proof: Proof | None = None,
) -> Evaluation:
    said = None if opinion is None else parse_opinion(opinion)
    assert not isinstance(said, JudgeFailure)
    results = ruled(files, at=at, policy=policy, issue_text=issue, approvals_by_sha=approved, proof=proof, sizes=sizes)
    return evaluated(files.head_sha, results, said)


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
    assert (evaluation.decision, evaluation.sha, evaluation.opinion) == (Decision.PASS, HEAD, None)
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
    assert both.opinion is says


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
        json.dumps(opinion(requirement_coverage=[{"requirement": "a", "covered": True, "where": f"a:{'9' * 5000}"}])),
        json.dumps(opinion(requirement_coverage=[{"requirement": "a", "covered": True, "where": f"{'a' * 5000}:1"}])),
        json.dumps(opinion(decision="needs_iteration")),
        json.dumps(opinion(next_prompt=float("nan"))),
        '{"decision": "needs_human", ' + json.dumps(opinion())[1:],
        "```json\n" + json.dumps(opinion()) + "\n```",
        "[" * 100_000,
        " " * 300_000,
    ],
)
def test_an_answer_that_does_not_read_is_a_judge_failure(raw: str) -> None:
    assert isinstance(parse_opinion(raw), JudgeFailure)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(json.dumps))
def test_no_stray_answer_becomes_a_verdict(raw: str) -> None:
    assert isinstance(parse_opinion(raw), JudgeFailure)


def test_the_schema_asks_for_what_is_read() -> None:
    assert set(OPINION_SCHEMA["required"]) == set(opinion()) == set(OPINION_SCHEMA["properties"])
    assert OPINION_SCHEMA["properties"]["decision"]["enum"] == [str(decision) for decision in Decision]
    json.dumps(OPINION_SCHEMA)


PROVEN = Proof(verdict=Verdict.PASSED, detail="they fail without it")
PROVES_NOTHING = Proof(verdict=Verdict.FAILED, detail="they pass without it", mendable=True)
NO_TEST = Proof(verdict=Verdict.DID_NOT_RUN, detail="no test is new", mendable=True)
NOT_RUN = Proof(verdict=Verdict.DID_NOT_RUN, detail="the base does not start")
LENIENT = parse_policy("[judge]\nallow_no_new_tests = true\n")


@pytest.mark.parametrize(
    ("proof", "policy", "decision", "error"),
    [
        (PROVEN, POLICY, Decision.PASS, None),
        (PROVES_NOTHING, POLICY, Decision.NEEDS_ITERATION, "tests_prove_nothing"),
        (PROVES_NOTHING, LENIENT, Decision.NEEDS_ITERATION, "tests_prove_nothing"),
        (NO_TEST, POLICY, Decision.NEEDS_ITERATION, "no_new_test"),
        (NO_TEST, LENIENT, Decision.PASS, None),
        (NOT_RUN, POLICY, Decision.NEEDS_HUMAN, "new_tests_did_not_run"),
        (NOT_RUN, LENIENT, Decision.PASS, None),
    ],
)
def test_without_a_test_that_proves_it_the_policy_says_whether_it_may_pass(proof, policy, decision, error) -> None:
    evaluation = judged(proof=proof, policy=policy)
    assert (evaluation.decision, evaluation.reasons.get("error")) == (decision, error)
    (rule,) = [rule for rule in evaluation.rules if rule.name == "new_tests"]
    assert rule.verdict is proof.verdict


def test_a_model_is_not_asked_where_a_person_decides_or_nothing_differs() -> None:
    asked = {
        "good": ruled(),
        "only observed": ruled(at=UNPROPOSED),
        "sent back": ruled(proof=PROVES_NOTHING),
        "protected": ruled(PROTECTED),
        "empty": ruled(snapshot()),
        "not seen whole": (*ruled(), seen_whole(("src/shop.py",))),
    }
    assert {name for name, results in asked.items() if worth_asking(results)} == {"good", "only observed", "sent back"}


def test_what_the_model_was_not_shown_whole_goes_to_a_person() -> None:
    assert evaluated(HEAD, (*ruled(), seen_whole(("src/shop.py",))), None).reasons["error"] == "not_seen_whole"
    assert evaluated(HEAD, (*ruled(), seen_whole(())), None).decision is Decision.PASS
