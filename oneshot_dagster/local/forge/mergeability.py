"""Whether a pull request may be merged, and GitHub's word for it. Pure: facts in, word out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oneshot_dagster.local.forge.records import CheckRun, CommitStatus, Review

_GOOD = frozenset({"success", "skipped", "neutral"})
_WRITERS = frozenset({"admin", "maintain", "write"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """`required` None means that the base asks for no checks, `approvals` None for no reviews."""

    draft: bool
    conflict: bool
    known: bool
    behind: bool
    strict: bool
    required: Sequence[str] | None
    approvals: int | None
    resolved_threads: bool
    open_threads: int
    checks: Sequence[CheckRun]
    statuses: Sequence[CommitStatus]
    reviews: Sequence[Review]
    permissions: Mapping[str, str]


def state(s: Standing) -> str:
    """GitHub's `mergeable_state`."""
    if not s.known:
        return "unknown"
    if s.draft:
        return "draft"
    if s.conflict:
        return "dirty"
    if shut(s):
        return "blocked"
    if s.strict and s.behind:
        return "behind"
    return "clean" if all(_passed(s).values()) else "unstable"


def shut(s: Standing) -> str | None:
    """What protection still asks for, in one sentence."""
    passed = _passed(s)
    for context in s.required or ():
        if context not in passed:
            return f'Required status check "{context}" is expected.'
        if not passed[context]:
            return f'Required status check "{context}" has not passed.'
    if s.approvals is not None:
        opinions = _opinions(s)
        if "CHANGES_REQUESTED" in opinions.values():
            return "Changes were requested by a reviewer with write access."
        if sum(o == "APPROVED" for o in opinions.values()) < s.approvals:
            return f"At least {s.approvals} approving review is required by reviewers with write access."
    if s.resolved_threads and s.open_threads:
        return "A conversation must be resolved before this can be merged."
    return None


def latest_checks(checks: Sequence[CheckRun]) -> list[CheckRun]:
    """The newest of each app and name."""
    newest = {(c.app, c.name): c for c in sorted(checks, key=lambda c: c.id)}
    return sorted(newest.values(), key=lambda c: c.id)


def latest_statuses(statuses: Sequence[CommitStatus]) -> list[CommitStatus]:
    newest = {s.context: s for s in sorted(statuses, key=lambda s: s.id)}
    return sorted(newest.values(), key=lambda s: s.id)


def _passed(s: Standing) -> dict[str, bool]:
    """By name: a check and a status of one name must both have passed."""
    answers = [(c.name, c.conclusion in _GOOD) for c in latest_checks(s.checks)]
    answers += [(c.context, c.state == "success") for c in latest_statuses(s.statuses)]
    names = {name for name, _ in answers}
    return {name: all(ok for n, ok in answers if n == name) for name in names}


def _opinions(s: Standing) -> dict[str, str]:
    """The last word of each reviewer with write access; a comment is no opinion."""
    said = [r for r in s.reviews if r.state != "COMMENTED" and s.permissions.get(r.author) in _WRITERS]
    return {r.author: r.state for r in sorted(said, key=lambda r: r.id)}
