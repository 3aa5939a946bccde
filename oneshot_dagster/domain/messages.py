"""Every text that people see on GitHub, as pure functions: status, refusals, briefs, summaries, explanations.
What others wrote stands in them neutral, quoted and cut (quoting.py). A pull request's own words are pull_request.py."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import Attempt, Transition
from oneshot_dagster.domain.brief import change_url, needs_human_brief, partition_url
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.delivery import Criterion
from oneshot_dagster.domain.evidence import Sealed
from oneshot_dagster.domain.gate import Gate
from oneshot_dagster.domain.intake import Refused
from oneshot_dagster.domain.quoting import cell, one_line
from oneshot_dagster.domain.run import BEFORE_MERGE, STOPPED, Kind, State
from oneshot_dagster.domain.tables import (
    artifacts_table,
    conditions_table,
    criteria_table,
    files_table,
    rules_table,
    suites_table,
)
from oneshot_dagster.domain.withheld import would_have_written

__all__ = [
    "Explained",
    "age",
    "artifacts_table",
    "change_url",
    "conditions_table",
    "criteria_table",
    "evidence_head_in",
    "evidence_status",
    "evidence_summary",
    "explain",
    "files_table",
    "marker",
    "needs_human_brief",
    "partition_url",
    "refusal_comment",
    "rules_table",
    "status_comment",
    "suites_table",
    "what_happened",
    "would_have_written",
]

_HEAD_IS = "Head of the chain:"
_HEAD = re.compile(rf"^{_HEAD_IS} `([0-9a-f]{{64}})`|^[a-z ]+, evidence ([0-9a-f]{{64}})$", re.MULTILINE)
_STEP = {
    State.QUEUED: "taken in, about to start",
    State.WORKTREE_READY: "the worktree is ready",
    State.IMPLEMENTING: "an agent is working on it",
    State.TESTING: "the local tests are running",
    State.PR_READY: "the pull request is being opened",
    State.AWAITING_CI: "waiting for CI and review",
    State.JUDGING: "being judged",
    State.MERGE_READY: "judged, ready to merge",
    State.MERGED: "merged",
    State.DEPLOYING: "being deployed",
    State.VERIFYING: "deployed, being verified",
    State.COMPLETED: "done",
    State.ROLLING_BACK: "being taken back",
    State.ROLLED_BACK: "taken back",
    State.NEEDS_ITERATION: "this attempt did not get through; the next one follows",
    State.NEEDS_HUMAN: "stopped: a person has to decide",
    State.CANCELLED: "stopped on request",
    State.SUPERSEDED: "replaced by a newer start of the same change",
}


_TAKES_BACK = ", which takes the merged change back"


def marker(key: ChangeKey, purpose: str = "") -> str:
    """Hidden in a comment: by it we find our own again."""
    return f"<!-- oneshot:{key}{f':{purpose}' if purpose else ''} -->"


def status_comment(
    attempt: Attempt,
    *,
    public_url: str = "",
    cost: str = "unknown",
    unverified: str | None = None,
    comments: bool = False,
    edited: bool = False,
) -> str:
    """The one comment that is edited. `cost` so far, in words; `unverified` says how verification was left out.

    `comments`: commands in comments are read. `edited`: the issue says something else by now than it did at intake.
    """
    lines = [
        f"**{_step(attempt).capitalize()}.** {_said(attempt)}".rstrip(),
        "",
        f"- attempt {attempt.number}{_TAKES_BACK if attempt.kind is Kind.REVERT else ''}, mode {attempt.mode}",
        f"- cost so far: {cost}",
    ]
    pages = (("pull request", attempt.pr_url), ("run and evidence", change_url(public_url, attempt)))
    lines += [f"- [{name}]({one_line(url, 500)})" for name, url in pages if url]
    if attempt.merge_sha:
        lines.append(f"- merged as `{attempt.merge_sha[:7]}` by {cell(attempt.merged_by or 'unknown', 60)}")
    if unverified:
        lines.append(f"- verification: {cell(unverified)}")
    if edited:
        lines.append("- the issue was edited after the start; what it says now is not used")
    return "\n".join([*lines, f"- {_how_to_stop(attempt, comments=comments)}", "", marker(attempt.key)]) + "\n"


def _step(attempt: Attempt) -> str:
    taken_back = attempt.kind is Kind.REVERT and attempt.state in {State.COMPLETED, State.SUPERSEDED}
    return _STEP[State.ROLLED_BACK if taken_back else attempt.state]


def _said(attempt: Attempt) -> str:
    """While it waits its reason changes with every look; what people see does not."""
    if attempt.state is not State.AWAITING_CI:
        return cell(attempt.reason, 500)
    where = f"Pull request #{attempt.pr_number}" if attempt.pr_number else "Its pull request"
    return f"{where} is open at `{(attempt.head_sha or '')[:7]}`."


def _how_to_stop(attempt: Attempt, *, comments: bool) -> str:
    say = f"{'comment `/oneshot stop` or ' if comments else ''}run `oneshot stop {attempt.key}`"
    if attempt.kind is not Kind.REVERT and (attempt.state in BEFORE_MERGE or attempt.state is State.NEEDS_ITERATION):
        return f"to stop it: {say}"
    if attempt.state is State.NEEDS_HUMAN:
        return f"the brief says what to decide; to end it: {say}"
    return "there is nothing to stop" if attempt.state in STOPPED else "it is merged: this runs to its end"


def refusal_comment(key: ChangeKey, refused: Refused) -> str:
    """At most one an issue; its marker carries the code. One sentence may hold both what was found and what to do."""
    do = f"What to do: {cell(refused.do, 500)}.\n\n" if refused.do else ""
    return f"Not done: {cell(refused.found, 500)}.\n\n{do}{marker(key, f'refused-{refused.code}')}\n"


def evidence_summary(
    attempt: Attempt,
    *,
    criteria: Sequence[Criterion],
    artifacts: Sequence[Sealed],
    head: str,
    unverified: str | None = None,
) -> str:
    """`head` is the hash of the evidence's last line: with it anybody can check the file."""
    passed = sum(c.verdict is Verdict.PASSED for c in criteria)
    parts = (
        f"## Evidence of {attempt.key}, attempt {attempt.number}: {attempt.state.value.replace('_', ' ')}",
        f"{passed} of {len(criteria)} criteria passed." + (f" Verification: {cell(unverified)}." if unverified else ""),
        criteria_table(criteria),
        artifacts_table(artifacts),
        f"{_HEAD_IS} `{head}`. Check it with `oneshot evidence verify {attempt.key}`.",
    )
    return "\n\n".join(parts) + "\n"


def evidence_status(attempt: Attempt, *, head: str) -> str:
    """What the status of its deployment says: 140 characters are GitHub's limit."""
    return f"{attempt.state.value.replace('_', ' ')}, evidence {head}"


def evidence_head_in(text: str) -> str | None:
    """The head that `evidence_summary` or `evidence_status` gave; None in any other text."""
    found = _HEAD.search(text)
    return (found[1] or found[2]) if found else None


def what_happened(step: Transition) -> str:
    """One sentence on a step of the lifecycle, for a history."""
    source = f"from {step.source.value.replace('_', ' ')} " if step.source else ""
    why = f": {one_line(step.reason, 300)}" if step.reason else ""
    return f"{step.at:%Y-%m-%d %H:%M:%S} UTC {source}to {step.target.value.replace('_', ' ')}{why} ({one_line(step.cause, 120)})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """One row of `oneshot explain`: a condition, its verdict (None: pending), its fact, of which SHA and how old."""

    condition: str
    verdict: Verdict | None
    fact: str
    sha: str
    age: str
    opens: str


def explain(attempt: Attempt, *, gate: Gate | None, read_at: datetime | None, now: datetime) -> tuple[Explained, ...]:
    """Where it stands first, then what it awaits, then each condition of the gate as it was read."""
    rows = [_state_row(attempt, now)]
    if attempt.awaited is not None:
        left = (attempt.awaited.deadline - now).total_seconds()
        fact = f"waits for {attempt.awaited.what}: {one_line(attempt.reason, 300)}"
        opens = f"a person is asked in {age(left)}" if left > 0 else "the deadline has passed: a person is asked now"
        rows.append(_row(attempt, "awaited", None, fact, age((now - attempt.awaited.since).total_seconds()), opens))
    if gate is not None:
        old = age((now - read_at).total_seconds()) if read_at else "unknown"
        rows += [
            Explained(
                condition=c.name,
                verdict=c.verdict,
                fact=one_line(c.fact, 300),
                sha=c.sha,
                age=old,
                opens=one_line(c.opens, 300),
            )
            for c in gate.conditions
        ]
    return tuple(rows)


def _state_row(attempt: Attempt, now: datetime) -> Explained:
    old = age((now - attempt.updated_at).total_seconds())
    fact = f"{_STEP[attempt.state]}; {one_line(attempt.reason, 300)}" if attempt.reason else _STEP[attempt.state]
    if attempt.state is State.NEEDS_HUMAN:
        return _row(
            attempt,
            "state",
            Verdict.FAILED,
            fact,
            old,
            f"a person's `oneshot retry`, `approve`, `answer` ({attempt.human_reason})",
        )
    verdict = (
        Verdict.PASSED
        if attempt.state is State.COMPLETED
        else None
        if attempt.state not in STOPPED
        else Verdict.DID_NOT_RUN
    )
    return _row(attempt, "state", verdict, fact, old, "")


def _row(attempt: Attempt, condition: str, verdict: Verdict | None, fact: str, old: str, opens: str) -> Explained:
    return Explained(condition=condition, verdict=verdict, fact=fact, sha=attempt.head_sha or "", age=old, opens=opens)


def age(seconds: float) -> str:
    """In the largest unit of which there are two."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
