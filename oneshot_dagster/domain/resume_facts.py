"""What the resumer has to know of an attempt besides its row, read freshly each time it decides.
Reading them is steps/resume; deciding is resume.py."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from oneshot_dagster.domain.attempt import Attempt, Launch, Request
from oneshot_dagster.domain.gate import Gate


class Awaiting(StrEnum):
    """What a parked attempt waits for (`Awaited.what`)."""

    CI = "ci"
    REVIEW = "review"
    HEAD = "head_moved"  # we asked GitHub to bring the branch up to date
    LANE = "lane"
    MERGE = "merge"  # judged; a person merges, or lifts what holds it
    LANDING = "landing"  # GitHub was asked to merge it, or has it in its merge queue
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunState:
    """`status` in Dagster's words, lower case, or "unknown" where it knows no run of that launch.

    `started_at` None: it has not started, or Dagster does not say; then its launch counts.
    """

    run_id: str
    status: str
    started_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResumeFacts:
    """`launches` oldest first, `last_run` that of the last one; `requests` are the open ones.

    `lease_live`: somebody works under the change's lease (not a process that is known to be gone); `lease_expired_for`
    in seconds, None where it was never taken; `lease_epoch` as it was then, 0 where never.
    `last_run_moved`: the last run made a step of the lifecycle.
    `gate` was read now, for a parked attempt whose head is public. `merged_outside`: a person merged the PR.
    `merge_free`: nothing holds the merge of one that is parked, judged; `held_by` is what does.
    `landing`: GitHub still has the merge that it was asked for. `open_intent`: a write action has no outcome;
    `merge_intended`: one of these is the merge, or the merge is done. The allowances are what is left of the change's.
    `catches_up`: whose lane is free now, and whom its policy has up to date with what landed meanwhile.
    `frozen_for`: how long a freeze has kept it from what it waits for; its deadline does not run then.
    `deployment_news`: a parked deployment became ready, or failed.
    `revert` is the newest attempt that takes this one back, where one may; `goes_on`: another one follows, once it is taken back, unless
    `stopped_by` asked to stop after its merge.
    `fault`: what the last run failed of, where it said so. `not_before`: the other side asked us to wait until then.
    `unreadable`: why what waits for GitHub could not be read now; then nothing of GitHub's is in the facts, and no request,
    because what these mean depends on it.
    """

    launches: tuple[Launch, ...] = ()
    last_run: RunState | None = None
    last_run_moved: bool = False
    lease_live: bool = False
    lease_expired_for: float | None = None
    lease_epoch: int = 0
    requests: tuple[Request, ...] = ()
    gate: Gate | None = None
    merged_outside: bool = False
    head_moved: bool = False
    lane_free: bool = False
    catches_up: bool = False
    merge_free: bool = False
    held_by: str | None = None
    frozen_for: timedelta = timedelta(0)
    deployment_news: str | None = None
    landing: bool = False
    open_intent: bool = False
    merge_intended: bool = False
    evidence_sealed: bool = False
    attempts_made: int = 1
    attempts_allowed: int = 3
    infrastructure_allowed: int = 5
    revert: Attempt | None = None
    goes_on: bool = False
    stopped_by: str | None = None
    not_before: datetime | None = None
    unreadable: str | None = None
    fault: str | None = None
