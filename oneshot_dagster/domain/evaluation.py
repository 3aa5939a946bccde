"""The evaluation: the verdict on a change at one SHA, by rules first and then, if there is one, a model's opinion.
The opinion can only make it stricter. The rules are evaluation_rules.py, what the model may say opinion.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from oneshot_dagster.domain import evaluation_rules as rules
from oneshot_dagster.domain.evaluation_rules import RuleResult, Sizes
from oneshot_dagster.domain.gate import Gate
from oneshot_dagster.domain.new_tests import Proof
from oneshot_dagster.domain.opinion import Decision, ModelOpinion, Requirement
from oneshot_dagster.domain.policy import Policy
from oneshot_dagster.domain.snapshot import Snapshot

_STRICTER = (Decision.PASS, Decision.NEEDS_ITERATION, Decision.NEEDS_HUMAN)
_LONGEST_PROMPT = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """`reasons["error"]` is the machine code of what decided, absent in a pass. `opinion` is the model's own decision, None where
    the rules judged alone."""

    decision: Decision
    sha: str
    rules: tuple[RuleResult, ...]
    coverage: tuple[Requirement, ...]
    missing_items: tuple[str, ...]
    suggested_fixes: tuple[str, ...]
    next_prompt: str | None
    memory_notes: tuple[str, ...]
    reasons: dict[str, object]
    opinion: Decision | None


def by_rules(
    snapshot: Snapshot,
    policy: Policy,
    *,
    issue_text: str,
    approvals_by_sha: frozenset[str],
    gate: Gate,
    proof: Proof | None = None,
    sizes: Sizes | None = None,
) -> tuple[RuleResult, ...]:
    """`approvals_by_sha` are the SHAs that a person approved. `proof` None: there is nothing that tests could prove."""
    results = (
        rules.diff_not_empty(snapshot),
        rules.gate_passed(snapshot, gate),
        rules.protected_paths(snapshot, policy.protect.paths, approvals_by_sha),
        rules.tests_kept(snapshot, issue_text),
        rules.size(snapshot, sizes or Sizes()),
    )
    return results if proof is None else (*results, rules.new_tests(proof, may_be_none=policy.judge.allow_no_new_tests))


def by_rules_of_a_revert(snapshot: Snapshot, gate: Gate) -> tuple[RuleResult, ...]:
    """What git took back was judged when it came: tests, size and protected paths say nothing against taking it back."""
    return rules.diff_not_empty(snapshot), rules.gate_passed(snapshot, gate)


def worth_asking(results: Sequence[RuleResult]) -> bool:
    """Whether a model's opinion can change anything: not where the rules already leave it to a person, or nothing differs."""
    proposed = [result for result in results if result.code != rules.NOT_PROPOSED]
    return all(r.follows is not Decision.NEEDS_HUMAN and r.code != rules.EMPTY_DIFF for r in proposed)


def evaluated(sha: str, results: tuple[RuleResult, ...], said: ModelOpinion | None) -> Evaluation:
    """`said` is the model's opinion, None where none was asked for."""
    alone = _by_rules(results)
    decision = alone if said is None else max(alone, said.decision, key=_STRICTER.index)
    broken = tuple(result for result in results if result.follows is not Decision.PASS)
    return Evaluation(
        decision=decision,
        sha=sha,
        rules=results,
        coverage=said.coverage if said else (),
        missing_items=(*(result.detail for result in broken), *_missing(said)),
        suggested_fixes=(*(result.do for result in broken if result.do), *(said.suggested_fixes if said else ())),
        next_prompt=_next_prompt(broken, said) if decision is not Decision.PASS else None,
        memory_notes=said.memory_notes if said else (),
        reasons=_reasons(decision, results, alone) | _said_reasons(said),
        opinion=said.decision if said else None,
    )


def _by_rules(results: tuple[RuleResult, ...]) -> Decision:
    """The strictest; that nothing was proposed decides only where nothing else does."""
    proposed = [result.follows for result in results if result.code != rules.NOT_PROPOSED]
    strictest = max(proposed, key=_STRICTER.index)
    return Decision.NEEDS_HUMAN if strictest is Decision.PASS and len(proposed) < len(results) else strictest


def _missing(said: ModelOpinion | None) -> tuple[str, ...]:
    if said is None:
        return ()
    return (*said.missing_items, *(entry.requirement for entry in said.coverage if not entry.covered))


def _next_prompt(broken: Sequence[RuleResult], said: ModelOpinion | None) -> str | None:
    parts = [result.do for result in broken if result.do]
    if said is not None:
        parts += [said.next_prompt] if said.next_prompt else [f"Still missing: {item}" for item in _missing(said)]
    return "\n".join(parts)[:_LONGEST_PROMPT] or None


def _reasons(decision: Decision, results: Sequence[RuleResult], alone: Decision) -> dict[str, object]:
    reasons: dict[str, object] = {
        "rules": [{"name": result.name, "verdict": str(result.verdict), "detail": result.detail} for result in results]
    }
    if protected := [path for result in results if result.code == "protected_path" for path in result.items]:
        reasons["protected_paths"] = protected[:1000]
    if decision is not Decision.PASS:
        codes = sorted((r.code for r in results if r.follows is decision), key=rules.NOT_PROPOSED.__eq__)
        reasons["error"] = codes[0] if alone is decision else "judge_says_no"
    return reasons


def _said_reasons(said: ModelOpinion | None) -> dict[str, object]:
    """What is kept of the opinion beside the verdict: the row of an evaluation has no columns for it."""
    if said is None:
        return {}
    return {
        "memory_notes": list(said.memory_notes),
        "suggested_fixes": list(said.suggested_fixes),
        "requirement_coverage": [
            {"requirement": entry.requirement, "covered": entry.covered, "where": entry.where}
            for entry in said.coverage
        ],
    }
