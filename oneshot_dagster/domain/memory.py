"""What is learned from a finished attempt: short texts made from its facts, for the prompts of later changes.
Keeping and finding them again is services.store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import Attempt, Report, StoredEvaluation
from oneshot_dagster.domain.gate import Condition, failing
from oneshot_dagster.domain.quoting import cleaned, cut
from oneshot_dagster.domain.run import State

_MOST = 10
_MOST_LINES = 30
_TITLE = 200
_CONTENT = 4_000
_LINE = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    title: str
    content: str
    tags: tuple[str, ...]


def learned(
    attempt: Attempt,
    evaluations: Sequence[StoredEvaluation],
    reports: Sequence[Report],
    conditions: Sequence[Condition],
    earlier: Sequence[Attempt] = (),
) -> tuple[Memory, ...]:
    """At least the summary. Evaluations and earlier attempts oldest first; `conditions` are the gate's last ones."""
    failed = _failures(evaluations, reports, conditions)
    memories = [
        _summary(attempt, failed),
        *_cures(attempt, earlier, failed),
        *_notes(attempt, evaluations),
    ]
    return tuple(memories[:_MOST])


def _memory(attempt: Attempt, title: str, lines: Sequence[str], *tags: str) -> Memory:
    content = "\n".join(_short(line) for line in lines[:_MOST_LINES])
    own = (attempt.key.repository, f"issue-{attempt.key.issue_number}", f"attempt-{attempt.number}", str(attempt.state))
    return Memory(title=_short(title, _TITLE), content=cut(content, _CONTENT), tags=tuple(dict.fromkeys((*own, *tags))))


def _short(text: str, limit: int = _LINE) -> str:
    line = " ".join(cleaned(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _asked(attempt: Attempt) -> str:
    return _short(attempt.inputs.issue_title, 100) or f"issue {attempt.key.issue_number}"


def _summary(attempt: Attempt, failed: Sequence[str]) -> Memory:
    lines = [
        f"Asked: {_asked(attempt)}",
        f"Attempt {attempt.number} ended {attempt.state}" + (f": {attempt.reason}" if attempt.reason else "."),
        *(f"Failed: {failure}" for failure in failed),
    ]
    codes = [attempt.human_reason] if attempt.human_reason else []
    return _memory(attempt, f"{attempt.key} attempt {attempt.number}: {_asked(attempt)}", lines, "summary", *codes)


def _cures(attempt: Attempt, earlier: Sequence[Attempt], failed: Sequence[str]) -> list[Memory]:
    """A change that got through after failures: what they were, and by which attempt they were cured."""
    stumbles = [before for before in earlier if before.state is State.NEEDS_ITERATION]
    if attempt.state is not State.COMPLETED or not (stumbles or failed):
        return []
    lines = [
        *(f"Attempt {before.number} failed: {before.reason}" for before in stumbles),
        *(f"Failed on the way: {failure}" for failure in failed),
        *(f"It was then asked to: {before.next_prompt}" for before in stumbles if before.next_prompt),
        f"Attempt {attempt.number} cured it, merged as {attempt.merge_sha or 'unknown'}.",
    ]
    return [_memory(attempt, f"What cured {attempt.key}: {_asked(attempt)}", lines, "cure")]


def _notes(attempt: Attempt, evaluations: Sequence[StoredEvaluation]) -> list[Memory]:
    """What the judge's model noted, as the evaluation's reasons keep it."""
    found = [note for evaluation in evaluations for note in _texts(evaluation.reasons.get("memory_notes"))]
    return [
        _memory(attempt, f"Noted by the judge at {attempt.key}: {_short(note, 80)}", [note], "note")
        for note in dict.fromkeys(found)
    ]


def _failures(
    evaluations: Sequence[StoredEvaluation], reports: Sequence[Report], conditions: Sequence[Condition]
) -> list[str]:
    found = [
        *(f"{condition.name}: {condition.fact}" for condition in failing(conditions)),
        *(failure for report in reports if report.verdict is not Verdict.PASSED for failure in _suites(report)),
        *(f"evaluation: {item}" for judged in evaluations if judged.decision != "pass" for item in _said(judged)),
    ]
    return list(dict.fromkeys(_short(failure) for failure in found))


def _suites(report: Report) -> list[str]:
    bad = [suite for suite in report.suites if suite.get("verdict") != str(Verdict.PASSED)]
    if not bad:
        return [f"{report.kind} tests: {report.verdict}"]
    return [
        f"{report.kind} tests, {suite.get('suite', '?')}: {suite.get('reason', '?')}{_cases(suite)}" for suite in bad
    ]


def _cases(suite: Mapping[str, object]) -> str:
    cases = suite.get("cases")
    if not isinstance(cases, list | tuple):
        return ""
    for case in cast("Sequence[Mapping[str, object]]", cases):
        if case.get("outcome") in {"failed", "error"}:
            return f" ({_short(str(case.get('message', '')), 150)})"
    return ""


def _said(judged: StoredEvaluation) -> tuple[str, ...]:
    return judged.missing_items or (str(judged.reasons.get("error", judged.decision)),)


def _texts(value: object) -> list[str]:
    entries = cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()
    return [entry for entry in entries if isinstance(entry, str) and entry.strip()]
