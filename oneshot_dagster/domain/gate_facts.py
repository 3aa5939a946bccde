"""What the gate decides from: what GitHub said of one pull request, what the policy asks, and a condition between them.
Reading it from GitHub is services.github; deciding is gate.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from oneshot_dagster.domain.artifact import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRun:
    """Latest check run of a name and app at a SHA. `status` queued|in_progress|completed; `conclusion` GitHub's word."""

    name: str
    app: str
    status: str
    conclusion: str | None
    url: str | None
    summary: str | None = None
    completed_at: datetime | None = None
    ours: bool = False
    app_id: int = 0
    run_id: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitStatus:
    """Latest commit status of a context. `state` error|failure|pending|success."""

    context: str
    state: str
    url: str | None
    description: str | None = None
    status_id: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """One review in the order given. `state` APPROVED|CHANGES_REQUESTED|COMMENTED|DISMISSED|PENDING."""

    author: str
    state: str
    commit_sha: str | None
    submitted_at: datetime | None
    has_write_access: bool
    review_id: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Thread:
    """`author` and `body` are those of its first comment."""

    thread_id: str
    is_resolved: bool
    path: str | None
    line: int | None
    author: str
    body: str
    has_write_access: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class GateFacts:
    """What GitHub said of one pull request, read at `read_at`.

    Checks and statuses are those of `head_sha`. `required_contexts` come from branch protection and rulesets,
    `required_approvals` likewise; `required_apps` are the ids of the Apps to which some of the contexts are pinned.
    `mergeable_state` is GitHub's lower-case word or None. `merge_queue`: a ruleset has the base take changes through one.
    """

    pr_number: int
    head_sha: str
    base_ref: str
    base_sha: str
    open: bool
    draft: bool
    merged: bool
    merge_sha: str | None
    merged_by: str | None
    mergeable_state: str | None
    checks: tuple[CheckRun, ...]
    statuses: tuple[CommitStatus, ...]
    required_contexts: tuple[str, ...]
    required_approvals: int
    reviews: tuple[Review, ...]
    threads: tuple[Thread, ...]
    labels: tuple[str, ...]
    read_at: datetime
    required_apps: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])
    merge_queue: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """One condition: its fact at `sha`, and what would open it. `verdict` None means pending."""

    name: str
    verdict: Verdict | None
    fact: str
    sha: str
    opens: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GateRules:
    """What the policy asks, beside what GitHub requires."""

    required_checks: tuple[str, ...]
    approvals: int
    reviewers: tuple[str, ...]
    allow_no_checks: bool
    tests_advisory: bool
