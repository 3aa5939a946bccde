"""The conditions of the gate, one function each: a fact in words, its verdict, and what would open it.
Which of them make up a gate, and what it then says as a whole, is gate.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.gate_facts import CheckRun, CommitStatus, Condition, GateFacts, GateRules, Review

OUR_CHECK = "oneshot"  # the name of the check run that the platform itself posts

_CONCLUSIONS: dict[str, Verdict] = {
    "success": Verdict.PASSED,
    "skipped": Verdict.PASSED,
    "neutral": Verdict.PASSED,
    "failure": Verdict.FAILED,
    "cancelled": Verdict.FAILED,
    "timed_out": Verdict.FAILED,
    "action_required": Verdict.FAILED,
    "stale": Verdict.FAILED,
    "startup_failure": Verdict.FAILED,
}
_STATUSES: dict[str, Verdict] = {
    "success": Verdict.PASSED,
    "failure": Verdict.FAILED,
    "error": Verdict.FAILED,
}


@dataclass(frozen=True, slots=True)
class Signal:
    """A check run or a commit status, alike. A word that GitHub may add later is pending: neither green nor red."""

    name: str
    word: str
    verdict: Verdict | None
    app_id: int | None = None  # of a check run; GitHub does not say it of a status


def _condition(sha: str, name: str, verdict: Verdict | None, fact: str, opens: str) -> Condition:
    return Condition(name=name, verdict=verdict, fact=fact, sha=sha, opens="" if verdict is Verdict.PASSED else opens)


def _verdict(*, holds: bool) -> Verdict:
    return Verdict.PASSED if holds else Verdict.FAILED


def is_open(facts: GateFacts) -> Condition:
    holds = facts.open and not facts.merged
    fact = f"PR #{facts.pr_number} is open"
    if facts.merged:
        fact = f"PR #{facts.pr_number} is merged already, by {facts.merged_by or 'an unknown account'}"
    elif not facts.open:
        fact = f"PR #{facts.pr_number} is closed without a merge"
    return _condition(facts.head_sha, "open", _verdict(holds=holds), fact, "reopening the pull request")


def head(facts: GateFacts, expected: str) -> Condition:
    holds = bool(expected) and facts.head_sha == expected
    fact = f"the head is {_short(facts.head_sha)}"
    if not holds:
        fact = f"the head moved from {_short(expected)} to {_short(facts.head_sha)}"
    return _condition(facts.head_sha, "head", _verdict(holds=holds), fact, "testing and reviewing the new head")


def judged(facts: GateFacts, sha: str) -> Condition:
    holds = sha == facts.head_sha
    fact = f"the judge passed {_short(sha)}" + ("" if holds else f", the head is {_short(facts.head_sha)}")
    return _condition(facts.head_sha, "judged", _verdict(holds=holds), fact, "judging the present head")


def local_tests(sha: str, rules: GateRules, report: Verdict | None) -> Condition:
    said = report or Verdict.DID_NOT_RUN
    words = {Verdict.PASSED: "passed", Verdict.FAILED: "failed", Verdict.DID_NOT_RUN: "did not run"}[said]
    fact = f"local tests {words} at this SHA"
    if rules.tests_advisory and said is not Verdict.PASSED:
        return _condition(sha, "local_tests", Verdict.PASSED, f"{fact}; the policy calls them advisory", "")
    return _condition(sha, "local_tests", said, fact, "a commit at which the policy's test commands pass")


def signals_of(facts: GateFacts) -> tuple[Signal, ...]:
    """What others report. A status of our name is never counted: whoever set it, it opens nothing and shuts nothing."""
    checks = (_of_check(run) for run in facts.checks if not run.ours)
    statuses = (_of_status(status) for status in facts.statuses if status.context != OUR_CHECK)
    return (*checks, *statuses)


def _of_status(status: CommitStatus) -> Signal:
    return Signal(status.context, status.state, _STATUSES.get(status.state))


def _of_check(run: CheckRun) -> Signal:
    if run.status != "completed" or run.conclusion is None:
        return Signal(run.name, run.status, None, run.app_id)
    return Signal(run.name, run.conclusion, _CONCLUSIONS.get(run.conclusion), run.app_id)


def required_names(facts: GateFacts, rules: GateRules) -> tuple[str, ...]:
    """Our own check follows the judgement, so it cannot be asked for here."""
    names = dict.fromkeys((*rules.required_checks, *facts.required_contexts))
    return tuple(name for name in names if name != OUR_CHECK)


def required(facts: GateFacts, signals: Sequence[Signal], name: str) -> Condition:
    """A check run and a status of the same name must both pass, as on GitHub.

    Where it is pinned to an App, no other's check run counts. A status does: GitHub itself blocks it where it is another's.
    """
    pins = facts.required_apps.get(name, frozenset())
    found = [s for s in signals if s.name == name and (not pins or s.app_id is None or s.app_id in pins)]
    missing = [pin for pin in sorted(pins) if not any(s.app_id in {None, pin} for s in found)]
    verdict = _worst(found) if found else None
    words = ", ".join(dict.fromkeys(s.word for s in found)) or "has not reported at this SHA"
    if missing:
        verdict = None if verdict is Verdict.PASSED else verdict
        words += f", not by the App that it is pinned to ({', '.join(map(str, missing))})"
    return _condition(facts.head_sha, f"ci:{name}", verdict, f"{name}: {words}", f"{name} succeeding at this SHA")


def ci(facts: GateFacts, rules: GateRules, signals: Sequence[Signal]) -> Condition:
    opens = "every check and status succeeding at this SHA"
    if not signals and rules.allow_no_checks:
        return _condition(facts.head_sha, "ci", Verdict.PASSED, "no check has reported; the policy allows none", "")
    if not signals:
        return _condition(
            facts.head_sha, "ci", Verdict.DID_NOT_RUN, "no check or status has reported at this SHA", opens
        )
    red = [f"{s.name}: {s.word}" for s in signals if s.verdict is Verdict.FAILED]
    waiting = [f"{s.name}: {s.word}" for s in signals if s.verdict is None]
    fact = ", ".join(red or waiting) or f"{len(signals)} of {len(signals)} checks and statuses passed"
    return _condition(facts.head_sha, "ci", _worst(signals), fact, opens)


def _worst(signals: Sequence[Signal]) -> Verdict | None:
    verdicts = {s.verdict for s in signals}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    return None if None in verdicts else Verdict.PASSED


def review(facts: GateFacts, rules: GateRules) -> Condition:
    latest = _latest_reviews(facts, rules)
    against = [r for r in latest if r.state == "CHANGES_REQUESTED"]
    if against:
        return _changes_requested(facts, against)
    needed = max(rules.approvals, facts.required_approvals, 0)
    given = sum(r.state == "APPROVED" and r.commit_sha == facts.head_sha for r in latest)
    stale = sum(r.state == "APPROVED" and r.commit_sha != facts.head_sha for r in latest)
    fact = f"{given} of {needed} approvals at this SHA" if needed else "no approval needed, no changes requested"
    if stale and given < needed:
        fact += f"; {stale} of an earlier SHA"
    verdict = Verdict.PASSED if given >= needed else None
    return _condition(facts.head_sha, "review", verdict, fact, "approvals of this SHA by people with write access")


def _changes_requested(facts: GateFacts, against: Sequence[Review]) -> Condition:
    """Of this head they are to be met; after a later commit it is the reviewer's turn, and the gate stays shut."""
    here = [r for r in against if r.commit_sha == facts.head_sha]
    fact = f"changes requested by {', '.join(r.author for r in here or against)}"
    if not here:
        fact += " of an earlier SHA"
    verdict = Verdict.FAILED if here else None
    return _condition(facts.head_sha, "review", verdict, fact, "an approval or a dismissal of that review")


def _latest_reviews(facts: GateFacts, rules: GateRules) -> tuple[Review, ...]:
    """The last word of each reviewer that counts. A comment or a pending review takes nothing back."""
    named = {login.removeprefix("@").lower() for login in rules.reviewers}
    latest: dict[str, Review] = {}
    for review in facts.reviews:
        counts = review.has_write_access or review.author.lower() in named
        if counts and review.state in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}:
            latest[review.author.lower()] = review
    return tuple(latest.values())


def threads(facts: GateFacts, rules: GateRules) -> Condition:
    """Of people who count they are to be met; what a stranger began keeps it shut until somebody resolves it, and no agent
    is set on it."""
    unresolved = [t for t in facts.threads if not t.is_resolved]
    named = {login.removeprefix("@").lower() for login in rules.reviewers}
    counting = [t for t in unresolved if t.has_write_access or t.author.lower() in named]
    places = ", ".join(dict.fromkeys(t.path or "the conversation" for t in unresolved))
    fact = f"{len(unresolved)} unresolved review threads ({places})" if unresolved else "no unresolved review thread"
    if unresolved and not counting:
        return _condition(
            facts.head_sha, "threads", None, f"{fact}, by people without write access", "a person resolving each"
        )
    return _condition(facts.head_sha, "threads", _verdict(holds=not unresolved), fact, "resolving each thread")


# GitHub's `mergeable_state`, closed: what is not here, and None, waits. `unstable` is as `ci` says: its red or
# waiting check may be our own. `blocked` waits, whether another condition explains it or not: what GitHub alone knows
# (code owners, signatures, deployments) no further commit opens, a person does, and the wait's deadline calls one.
_MERGEABLE: dict[str, tuple[Verdict | None, str, str]] = {
    "clean": (Verdict.PASSED, "GitHub can merge it", ""),
    "has_hooks": (Verdict.PASSED, "GitHub can merge it (with pre-receive hooks)", ""),
    "behind": (Verdict.FAILED, "the branch is behind its base", "updating the branch"),
    "dirty": (Verdict.FAILED, "the branch conflicts with its base", "resolving the conflict"),
    "draft": (None, "the pull request is a draft", "marking it ready for review"),
    "unknown": (None, "GitHub is still working out whether it can merge", "GitHub's answer"),
}


def mergeable(facts: GateFacts, others: Sequence[Condition], *, judged: str | None) -> Condition:
    state = "draft" if facts.draft and facts.mergeable_state not in {"dirty", "behind"} else facts.mergeable_state
    if state == "unstable":
        verdict = next(c.verdict for c in others if c.name == "ci")
        fact = "GitHub can merge it; a check that is not required has not passed" + (
            " (our own)" if verdict is Verdict.PASSED else ""
        )
        return _condition(facts.head_sha, "mergeable", verdict, fact, "that check succeeding")
    if state == "blocked":
        return _blocked(facts, others, judged=judged)
    unknown = (None, f"GitHub says {state!r}, which is not known here" if state else "GitHub has not said", "")
    verdict, fact, opens = _MERGEABLE.get(state or "", unknown)
    return _condition(facts.head_sha, "mergeable", verdict, fact, opens or "GitHub's answer")


def _blocked(facts: GateFacts, others: Sequence[Condition], *, judged: str | None) -> Condition:
    shut = [c.name for c in others if c.verdict is not Verdict.PASSED]
    if shut:
        return _condition(
            facts.head_sha, "mergeable", None, f"GitHub blocks the merge, as {', '.join(shut)} would", "those"
        )
    if not _awaits_our_check(facts):
        if facts.merge_queue:
            fact = "GitHub blocks a merge past the merge queue, which tests and lands it"
            return _condition(facts.head_sha, "mergeable", Verdict.PASSED, fact, "")
        fact = "GitHub blocks the merge for a rule that it does not tell us"
        return _condition(facts.head_sha, "mergeable", None, fact, "a person who satisfies the branch's rules")
    if judged is None:
        fact = "GitHub blocks the merge until our own check, which follows the judgement"
        return _condition(facts.head_sha, "mergeable", Verdict.PASSED, fact, "")
    fact = "GitHub blocks the merge until our own check has succeeded at this SHA"
    return _condition(facts.head_sha, "mergeable", None, fact, "GitHub taking our check in")


def _awaits_our_check(facts: GateFacts) -> bool:
    """The branch requires our check, and not all that bears its name has succeeded."""
    runs = [run.conclusion for run in facts.checks if run.ours]
    said = [*runs, *(status.state for status in facts.statuses if status.context == OUR_CHECK)]
    return OUR_CHECK in facts.required_contexts and not (said and all(word == "success" for word in said))


def unproposed(sha: str, name: str) -> Condition:
    """A condition that only a pull request has."""
    return _condition(sha, name, Verdict.DID_NOT_RUN, "there is no pull request", "proposing the change")


def _short(sha: str) -> str:
    return sha[:7] or "nothing"
