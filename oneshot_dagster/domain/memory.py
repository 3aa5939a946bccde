"""What is learned from a finished attempt: short texts made from its facts, for the prompts of later changes.
Keeping and finding them again is services.store."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import Attempt, Report, StoredEvaluation
from oneshot_dagster.domain.gate import Condition, failing
from oneshot_dagster.domain.patch import Failure
from oneshot_dagster.domain.quoting import cleaned, cut
from oneshot_dagster.domain.run import State

_MOST = 10
_MOST_LINES = 30
_TITLE = 200
_CONTENT = 4_000
_LINE = 300
_MOST_FILES = 15
_MOST_TELLING = 5
_TELLING = re.compile(r"error|fail|expected|should|assert|exception|not found|denied", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    title: str
    content: str
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mended:
    """What failed in the attempt before and no longer does, and the files in which the two differ."""

    failures: tuple[Failure, ...]
    files: tuple[str, ...]


def learned(
    attempt: Attempt,
    evaluations: Sequence[StoredEvaluation],
    reports: Sequence[Report],
    conditions: Sequence[Condition],
    earlier: Sequence[Attempt] = (),
    mended: Mended | None = None,
) -> tuple[Memory, ...]:
    """At least the summary. Evaluations and earlier attempts oldest first; `conditions` are the gate's last ones."""
    failed = _failures(evaluations, reports, conditions)
    memories = [
        _summary(attempt, failed),
        *_cures(attempt, earlier, failed),
        *_mended(attempt, mended),
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


def _mended(attempt: Attempt, mended: Mended | None) -> list[Memory]:
    """From facts alone: a failing check's own words, and where the change was that it passed with."""
    if mended is None:
        return []
    where = ", ".join(mended.files[:_MOST_FILES]) or "nothing: it passed when it was run again"
    return [
        _memory(
            attempt,
            f"What cured {failure.name} at {attempt.key}: {_asked(attempt)}",
            [f"{failure.name} failed: {line}" for line in _telling(failure.log)] + [f"Cured by changing {where}."],
            "cure",
        )
        for failure in mended.failures
    ]


def _telling(log: str) -> list[str]:
    """The lines that say what went wrong, else the last one."""
    lines = [line for line in cleaned(log).splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)]
    return list(dict.fromkeys(telling))[-_MOST_TELLING:] or lines[-1:]


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
