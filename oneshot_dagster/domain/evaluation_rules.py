"""The rules judge: what can be said of a change without a model. Each rule is one function with one answer.
How the answers, and a model's opinion, make an evaluation is evaluation.py."""

from dataclasses import dataclass

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.gate import Gate, Opening
from oneshot_dagster.domain.kept_tests import asks_to_remove_tests, edits_of_tests
from oneshot_dagster.domain.new_tests import Proof
from oneshot_dagster.domain.opinion import Decision
from oneshot_dagster.domain.protected import protected_files
from oneshot_dagster.domain.snapshot import Snapshot

EMPTY_DIFF = "empty_diff"
NOT_PROPOSED = "not_proposed"  # the code of a gate that had no pull request to look at
_SHOWN = 20  # paths or clauses named in one text


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How large a change may be before a person should look at it."""

    files: int = 200
    lines: int = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleResult:
    """`verdict` with its sentence for people. Where it did not pass: what follows, a code, and what the agent should do."""

    name: str
    verdict: Verdict
    detail: str
    follows: Decision = Decision.PASS
    code: str = ""
    do: str = ""
    items: tuple[str, ...] = ()


def _passed(name: str, detail: str, items: tuple[str, ...] = ()) -> RuleResult:
    return RuleResult(name=name, verdict=Verdict.PASSED, detail=detail, items=items)


def diff_not_empty(snapshot: Snapshot) -> RuleResult:
    if snapshot.files:
        return _passed("diff_not_empty", f"{len(snapshot.files)} file(s) changed")
    return RuleResult(
        name="diff_not_empty",
        verdict=Verdict.FAILED,
        detail="nothing differs from the base",
        follows=Decision.NEEDS_ITERATION,
        code=EMPTY_DIFF,
        do="Your last attempt changed no file. Make the change that the issue asks for.",
    )


def gate_passed(snapshot: Snapshot, gate: Gate) -> RuleResult:
    if gate.sha != snapshot.head_sha:
        detail = f"the gate speaks of {gate.sha[:12]}, the files are those of {snapshot.head_sha[:12]}"
        verdict = Verdict.DID_NOT_RUN
    elif gate.opening is Opening.DID_NOT_RUN:
        return RuleResult(
            name="gate_passed",
            verdict=Verdict.DID_NOT_RUN,
            detail="the gate did not run: there is no pull request",
            follows=Decision.NEEDS_HUMAN,
            code=NOT_PROPOSED,
        )
    elif gate.opening is not Opening.PASSED:
        detail, verdict = f"the gate is {gate.opening}: {gate.reason}", Verdict.FAILED
    else:
        return _passed("gate_passed", f"the gate has passed at {gate.sha[:12]}")
    return RuleResult(
        name="gate_passed",
        verdict=verdict,
        detail=detail[:2000],
        follows=Decision.NEEDS_ITERATION,
        code="gate_not_passed",
        do="Make the checks pass and settle the review.",
    )


def protected_paths(snapshot: Snapshot, globs: tuple[str, ...], approved: frozenset[str]) -> RuleResult:
    """Only a person's approval of exactly this SHA lets a protected path through."""
    paths = protected_files(snapshot, globs)
    if not paths:
        return _passed("protected_paths", "no protected path is touched")
    if snapshot.head_sha in approved:
        return _passed("protected_paths", f"approved at {snapshot.head_sha[:12]}: {_some(paths)}", paths)
    return RuleResult(
        name="protected_paths",
        verdict=Verdict.FAILED,
        detail=f"protected and not approved at {snapshot.head_sha[:12]}: {_some(paths)}",
        follows=Decision.NEEDS_HUMAN,
        code="protected_path",
        do=f"Leave these protected paths as they are, unless the issue asks for them: {_some(paths)}.",
        items=paths,
    )


def tests_kept(snapshot: Snapshot, issue_text: str) -> RuleResult:
    edits = edits_of_tests(snapshot)
    if (edits.removed or edits.unread) and asks_to_remove_tests(issue_text):
        return _passed("tests_kept", f"the issue asks for it: {_some((*edits.removed, *edits.unread))}")
    if edits.removed:
        return RuleResult(
            name="tests_kept",
            verdict=Verdict.FAILED,
            detail=f"tests were taken away and the issue does not ask for it: {_some(edits.removed)}",
            follows=Decision.NEEDS_ITERATION,
            code="tests_removed",
            do=f"Put the tests back and make them pass; the issue does not ask to remove or skip any: {_some(edits.removed)}.",
            items=edits.removed,
        )
    if edits.unread:
        return RuleResult(
            name="tests_kept",
            verdict=Verdict.DID_NOT_RUN,
            detail=f"the changes of these test files are too large or odd to be read: {_some(edits.unread)}",
            follows=Decision.NEEDS_HUMAN,
            code="tests_unread",
            items=edits.unread,
        )
    return _passed("tests_kept", "no test is deleted or skipped")


def size(snapshot: Snapshot, sizes: Sizes) -> RuleResult:
    files = len(snapshot.files)
    lines = sum((file.additions or 0) + (file.deletions or 0) for file in snapshot.files)
    shown = f"{files} of at most {sizes.files} files, {lines} of at most {sizes.lines} lines"
    if files <= sizes.files and lines <= sizes.lines:
        return _passed("size", shown)
    return RuleResult(
        name="size",
        verdict=Verdict.FAILED,
        detail=f"larger than what is merged without a person: {shown}",
        follows=Decision.NEEDS_HUMAN,
        code="too_large",
        do="Make the change smaller.",
    )


def new_tests(proof: Proof, *, may_be_none: bool) -> RuleResult:
    """`may_be_none`: the policy lets pass what no test of the change could prove; it still did not run."""
    name = "new_tests"
    if proof.verdict is Verdict.PASSED:
        return _passed(name, proof.detail)
    if proof.verdict is Verdict.FAILED:
        return RuleResult(
            name=name,
            verdict=proof.verdict,
            detail=proof.detail,
            follows=Decision.NEEDS_ITERATION,
            code="tests_prove_nothing",
            do=f"A test has to fail without your change and pass with it: {proof.detail}. Write one that does.",
        )
    if may_be_none:
        return RuleResult(name=name, verdict=proof.verdict, detail=proof.detail)
    return RuleResult(
        name=name,
        verdict=proof.verdict,
        detail=proof.detail,
        follows=Decision.NEEDS_ITERATION if proof.mendable else Decision.NEEDS_HUMAN,
        code="no_new_test" if proof.mendable else "new_tests_did_not_run",
        do="Add a test that fails without your change and passes with it." if proof.mendable else "",
    )


def seen_whole(unseen: tuple[str, ...]) -> RuleResult:
    """What a model was not shown it cannot have judged."""
    if not unseen:
        return _passed("seen_whole", "the model was shown all that changed")
    return RuleResult(
        name="seen_whole",
        verdict=Verdict.DID_NOT_RUN,
        detail=f"too large to be shown to the model whole: {_some(unseen)}",
        follows=Decision.NEEDS_HUMAN,
        code="not_seen_whole",
        do="Make the change smaller.",
        items=unseen,
    )


def _some(items: tuple[str, ...]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
