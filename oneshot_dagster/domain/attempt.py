"""An attempt: one pass of a change through the artifacts, as the store keeps it (one row of codex_judge.runs).
The rules of its states are run.py."""

from dataclasses import dataclass
from datetime import datetime

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import Kind, Mode, State


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """Immutable after intake. `prompt` is added to the issue; the issue's text is kept as it was when triggered."""

    base: str
    head: str
    prompt: str
    issue_title: str
    issue_body: str
    issue_sha256: str
    issue_author: str
    triggered_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Awaited:
    """What a parked attempt waits for, since when, and the deadline after which a human is needed."""

    what: str
    since: datetime
    deadline: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """`human_from` is the state that needs_human was reached from. `policy` is the policy's text at the base commit.

    `reason` says in one sentence why it stands where it stands; `next_prompt` is for the attempt after it.
    `judged_sha` is set with a passing evaluation, `verified_sha` with a passed verification in the
    environment `verified_in`.
    """

    id: str
    key: ChangeKey
    number: int
    kind: Kind
    state: State
    mode: Mode
    inputs: Inputs
    policy: str
    base_sha: str | None = None
    head_sha: str | None = None
    judged_sha: str | None = None
    merge_sha: str | None = None
    merged_by: str | None = None
    deployed_sha: str | None = None
    verified_sha: str | None = None
    verified_in: str | None = None
    pr_number: int | None = None
    pr_url: str | None = None
    ci_status: str | None = None
    reason: str = ""
    next_prompt: str | None = None
    human_from: State | None = None
    human_reason: str | None = None
    awaited: Awaited | None = None
    agent_resume: str | None = None
    evidence_head: str | None = None
    infrastructure_retries: int = 0
    active_seconds: float = 0.0
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    source: State | None
    target: State
    reason: str
    cause: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """One row of codex_judge.launches: a Dagster run that was or will be started for an attempt.

    `dagster_run_id` is chosen with the row, so a launch repeated is the same run. `selection` as artifact names.
    """

    attempt_id: str
    seq: int
    selection: tuple[str, ...]
    dagster_run_id: str
    reason: str
    costs_retry: bool
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteAction:
    """One intended effect on the outside world. `outcome` None: intent without a result, to be settled by its probe.

    `outcome` is done | refused | denied | failed | withheld; `result` is what was observed. `lane_epoch` is that of the lane
    which it was intended under, None where the lane has no say in it.
    """

    id: str
    attempt_id: str
    action: str
    key: str
    payload: dict[str, object]
    lane_epoch: int | None = None
    outcome: str | None
    result: dict[str, object]
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactFile:
    """A stored file of an attempt, by content."""

    name: str
    artifact: str
    sha256: str
    size: int
    media_type: str
    uri: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One line of evidence. `source` is engine, github, git, agent, deployment …; `agent` is a claim, the rest observed."""

    seq: int
    at: datetime
    source: str
    kind: str
    sha: str | None
    data: dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A stored test report. `kind` local | verification."""

    kind: str
    sha: str
    verdict: Verdict
    suites: tuple[dict[str, object], ...]
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvaluation:
    """One row of codex_judge.evaluations. `decision` pass | needs_iteration | needs_human; `reasons.error` a machine code."""

    decision: str
    sha: str
    reasons: dict[str, object]
    missing_items: tuple[str, ...]
    next_prompt: str | None
    model: str | None
    prompt_sha256: str | None
    raw_output: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A person's command to an attempt, kept until handled. `kind` stop | hold | resume | retry | approve | answer."""

    id: int
    kind: str
    by: str
    sha: str | None
    text: str
    at: datetime
    handled_at: datetime | None
