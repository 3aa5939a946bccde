"""What is said on a pull request that waits for people longer than a day, and from when on. Saying it is steps/reminding."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.quoting import cell
from oneshot_dagster.domain.resume_facts import Awaiting

_FOR = {Awaiting.REVIEW: "a review", Awaiting.MERGE: "somebody to merge it, or to lift what holds the merge"}


def reminder_due(attempt: Attempt, after: float) -> datetime | None:
    """None where no person is waited for, or not for so long in all."""
    awaited = attempt.awaited
    if awaited is None or awaited.what not in _FOR or attempt.pr_number is None:
        return None
    due = awaited.since + timedelta(seconds=after)
    return due if due < awaited.deadline else None


def reminder(attempt: Attempt, reviewers: Sequence[str]) -> str:
    """`reviewers` are those whom the policy names: they are meant to be notified."""
    awaited = attempt.awaited
    if awaited is None:
        return ""
    named = " ".join(f"@{login.removeprefix('@')}" for login in reviewers)
    lines = [
        f"This waits for {_FOR[Awaiting(awaited.what)]} since {awaited.since:%Y-%m-%d %H:%M} UTC, at `{(attempt.head_sha or '')[:7]}`.",
        f"What is missing: {cell(attempt.reason, 500)}.",
        f"After {awaited.deadline:%Y-%m-%d %H:%M} UTC it stops and a person has to decide.",
    ]
    return "\n".join([*lines, *([f"\n{named}"] if named else [])])
