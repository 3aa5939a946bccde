"""Facts of a pull request that passes every condition, and the parts to change in them."""

from datetime import UTC, datetime

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.gate import (
    CheckRun,
    CommitStatus,
    Condition,
    Gate,
    GateFacts,
    GateRules,
    Review,
    Thread,
    decide,
)

HEAD, OLD = "a" * 40, "b" * 40
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = GateRules(required_checks=(), approvals=0, reviewers=(), allow_no_checks=False, tests_advisory=False)
PASSING = {"success", "skipped", "neutral"}
RED = ["failure", "cancelled", "timed_out", "action_required", "stale", "startup_failure"]


def check(name="ci", conclusion: str | None = "success", status="completed", app="github-actions", ours=False):
    return CheckRun(name=name, app=app, status=status, conclusion=conclusion, url=None, ours=ours)


def status(context="lint", state="success"):
    return CommitStatus(context=context, state=state, url=None)


def review(author="ann", state="APPROVED", sha: str | None = HEAD, writes=True):
    return Review(author=author, state=state, commit_sha=sha, submitted_at=NOW, has_write_access=writes)


def thread(resolved=False):
    return Thread(thread_id="T", is_resolved=resolved, path="a.py", line=1, author="ann", body="why?")


GREEN = GateFacts(
    pr_number=7,
    head_sha=HEAD,
    base_ref="main",
    base_sha="c" * 40,
    open=True,
    draft=False,
    merged=False,
    merge_sha=None,
    merged_by=None,
    mergeable_state="clean",
    checks=(check(),),
    statuses=(),
    required_contexts=(),
    required_approvals=0,
    reviews=(),
    threads=(),
    labels=(),
    read_at=NOW,
)


def gate(facts=GREEN, rules=RULES, *, judged=None, local=Verdict.PASSED, expected=HEAD) -> Gate:
    return decide(facts, rules, judged=judged, local_report=local, expected_head=expected)


def condition(of: Gate, name: str) -> Condition:
    return next(c for c in of.conditions if c.name == name)
