"""Markdown tables for people, on GitHub and in Dagster's metadata. Every cell that holds others' words is neutral and cut."""

from collections.abc import Iterable, Sequence
from typing import cast

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import StoredEvaluation
from oneshot_dagster.domain.delivery import Criterion
from oneshot_dagster.domain.evaluation import Evaluation
from oneshot_dagster.domain.evidence import Sealed
from oneshot_dagster.domain.gate import Gate
from oneshot_dagster.domain.quoting import cell
from oneshot_dagster.domain.snapshot import Snapshot
from oneshot_dagster.domain.test_results import SuiteResult

_MOST_ROWS = 100
_WORDS = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "**failed**",
    Verdict.DID_NOT_RUN: "**did not run**",
    None: "pending",
}


def verdict_word(verdict: Verdict | None) -> str:
    """None is pending."""
    return _WORDS[verdict]


def conditions_table(gate: Gate) -> str:
    rows = ((cell(c.name), verdict_word(c.verdict), cell(c.fact), cell(c.opens)) for c in gate.conditions)
    return table(("condition", "verdict", "fact", "what would open it"), rows)


def rules_table(evaluation: Evaluation) -> str:
    rows = ((cell(r.name), verdict_word(r.verdict), cell(r.detail)) for r in evaluation.rules)
    return table(("rule", "verdict", "why"), rows)


def stored_rules_table(evaluation: StoredEvaluation) -> str:
    """The same of an evaluation as the store keeps it; "" where it went by no rule."""
    rules = cast("list[dict[str, str]]", evaluation.reasons.get("rules", ()))
    rows = [(cell(r["name"]), verdict_word(Verdict(r["verdict"])), cell(r["detail"])) for r in rules]
    return table(("rule", "verdict", "why"), rows) if rows else ""


def suites_table(results: Sequence[SuiteResult]) -> str:
    rows = (
        (
            cell(r.suite),
            verdict_word(r.verdict),
            str(r.count("passed")),
            str(r.count("failed") + r.count("error")),
            str(r.count("skipped")),
            f"{r.seconds:.1f} s",
            cell(r.reason),
        )
        for r in results
    )
    return table(("suite", "verdict", "passed", "failed", "skipped", "took", "why"), rows)


def files_table(snapshot: Snapshot) -> str:
    rows = (
        (cell(f.path), f.status.value.replace("_", " "), _count("+", f.additions), _count("-", f.deletions))
        for f in snapshot.files
    )
    return table(("file", "change", "added", "deleted"), rows)


def criteria_table(criteria: Sequence[Criterion]) -> str:
    rows = ((c.name.replace("_", " "), verdict_word(c.verdict), cell(c.detail)) for c in criteria)
    return table(("criterion", "verdict", "fact"), rows)


def artifacts_table(artifacts: Sequence[Sealed]) -> str:
    rows = (
        (cell(a.name), f"`{a.sha256}`", str(a.size))
        if a.sha256
        else (cell(a.name), f"missing: {cell(a.missing or '')}", "")
        for a in artifacts
    )
    return table(("artifact", "sha256", "bytes"), rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """At most a hundred rows, and how many more there are; a row for none."""
    found = list(rows)
    lines = [_row(heads), _row(["---"] * len(heads)), *map(_row, found[:_MOST_ROWS])]
    if not found:
        lines.append(_row(["none", *[""] * (len(heads) - 1)]))
    if len(found) > _MOST_ROWS:
        lines.append(_row([f"and {len(found) - _MOST_ROWS} more", *[""] * (len(heads) - 1)]))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _count(sign: str, lines: int | None) -> str:
    return "binary" if lines is None else f"{sign}{lines}"
