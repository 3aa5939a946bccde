"""Taking back a merged change: which branch does it, what its commit says, where everything stands meanwhile, in words for people.
Doing it is steps/rollback; when an attempt of that kind starts and what follows it is resume.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from oneshot_dagster.domain.attempt import Attempt, StoredEvaluation
from oneshot_dagster.domain.patch import Failure, normalised_fingerprint
from oneshot_dagster.domain.run import Kind, State

POST_DEPLOY_FAILED = "post_deploy_failed"
ROLLED_BACK = "rolled_back"  # reason codes of those who wait for a person
REVERT_CONFLICT = "revert_conflict"
TAKEN_BACK_ALREADY = "taken_back_already"
REVERT_FAILED = "revert_failed"
REVERT_BY_HAND = "revert_by_hand"
_MOST_CONFLICTS = 20


def branch(merge_sha: str) -> str:
    return f"codex/revert-{merge_sha[:7]}"


def taken_back_by(revert: Attempt, attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt that a revert takes back: the last one before it that was merged."""
    merged = [a for a in attempts if a.kind is Kind.IMPLEMENT and a.number < revert.number and a.merge_sha]
    return merged[-1] if merged else None


def revert_of(broken: Attempt, attempts: Sequence[Attempt]) -> Attempt | None:
    """The newest attempt that takes this one back."""
    found: Attempt | None = None
    for attempt in attempts:
        takes = taken_back_by(attempt, attempts) if attempt.kind is Kind.REVERT else None
        found = attempt if takes is not None and takes.id == broken.id else found
    return found


def goes_on_after(evaluations: Sequence[StoredEvaluation]) -> bool:
    """Whether another attempt follows once it is taken back, as was decided when it failed."""
    failed = [e for e in evaluations if e.reasons.get("error") == POST_DEPLOY_FAILED]
    return bool(failed) and failed[-1].decision == State.NEEDS_ITERATION.value


def fingerprint(suites: Sequence[dict[str, object]], why: str) -> str:
    """Of what failed after a deployment: times, paths and numbers aside."""
    bad = [s for s in suites if s.get("verdict") != "passed"]
    failures = [Failure(name=str(s.get("suite")), log=f"{s.get('reason', '')}\n{s.get('log_tail', '')}") for s in bad]
    return normalised_fingerprint(failures or [Failure(name="deployment", log=why)])


def next_prompt(broken: Attempt, why: str) -> str:
    """For the attempt after the one that did not stand."""
    merged = (broken.merge_sha or "")[:7]
    return (
        f"Attempt {broken.number} was merged as {merged} and deployed, and it did not stand: {why}. "
        "It was taken back. Find out why it failed after the deployment, and make the change so that it holds there."
    )


def where_it_is(*, base: str, tip: str | None, merge_sha: str, live: str | None) -> str:
    """What serves and what git has, while a person has to decide."""
    serves = f"{live[:12]} serves" if live else "what serves does not say its revision"
    return f"Live: {serves}. In git: {base} stands at {(tip or 'unknown')[:12]} and holds {merge_sha[:12]}"


def conflict(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_MOST_CONFLICTS])
    more = f" and {len(paths) - _MOST_CONFLICTS} more" if len(paths) > _MOST_CONFLICTS else ""
    return f"git cannot take it back by itself: later commits touch the same lines of {shown}{more}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenBackAlready:
    """The base at `tip` holds nothing of a merge any more, and no attempt of ours did that.

    `live` is what serves, None where it does not say; `serves_it`: it is ready and has the tree of `tip`, or nothing is
    deployed at all. `verified` was verified last and has that tree; `vouched_by` said of this very tip that it is right.
    """

    base: str
    tip: str
    merge_sha: str
    live: str | None
    serves_it: bool
    verified: str | None = None
    vouched_by: str | None = None

    @property
    def stands(self) -> bool:
        """Nobody is needed: what is in git and what serves is what was proven, by us or by a person's word."""
        return self.serves_it and (self.verified is not None or self.vouched_by is not None)

    @property
    def sentence(self) -> str:
        by_hand = f"somebody took {self.merge_sha[:12]} back by hand"
        git = f"{self.base} stands at {self.tip[:12]} and holds nothing of {self.merge_sha[:12]}"
        if self.stands:
            proof = f"has the tree of {self.verified[:12]}, which was verified" if self.verified else ""
            return f"{by_hand}: {git}; that serves, and {proof or f'{self.vouched_by} said that it is right'}"
        serves = f"{self.live[:12]} serves" if self.live else "what serves does not say its revision"
        lacking = (
            "nobody verified what it holds now" if self.verified is None else "that is verified and does not serve"
        )
        do = "see that it is right" if self.serves_it else f"bring {self.tip[:12]} to serve and see that it is right"
        return f"{by_hand}, and {lacking}. Live: {serves}. In git: {git}. To go on: {do}, then resume"

    @property
    def comment(self) -> str:
        """On the pull request of the revert, where that was open already."""
        return f"{self.sentence}. Nothing is left to take back here: this pull request is closed, with its branch."
