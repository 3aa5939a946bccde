"""An attempt that takes another back: its commit, which git makes and no agent, and the rule that it is judged by.
From its pull request on it goes the way of every attempt."""

from oneshot_dagster.domain.artifact import Artifact, NotMyTurn, Verdict
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.domain.evaluation_rules import RuleResult
from oneshot_dagster.domain.gate import GateFacts
from oneshot_dagster.domain.opinion import Decision
from oneshot_dagster.domain.pull_request import commit_message
from oneshot_dagster.domain.rollback import (
    REVERT_BY_HAND,
    REVERT_CONFLICT,
    conflict,
    revert_of,
    taken_back_by,
    where_it_is,
)
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.services.git.protocol import Reverted
from oneshot_dagster.steps.base import fetched_tip
from oneshot_dagster.steps.delivery import observe
from oneshot_dagster.steps.freezing import stop_lane
from oneshot_dagster.steps.taken_back import end_taken_back
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.what_landed import Landed, is_taken_out, landed_by

_RULE = "made_by_git"
_WALK = (State.WORKTREE_READY, State.IMPLEMENTING, State.TESTING, State.PR_READY)


def make_revert(turn: Turn) -> NotMyTurn | None:
    """Up to pr_ready, with a head to push. What a person pushed to the branch is their resolution, and is taken as it is."""
    if turn.attempt.head_sha is None and not _committed(turn):
        return NotMyTurn(artifact=Artifact.PULL_REQUEST, reason=turn.attempt.reason)
    states = (State.QUEUED, *_WALK)
    for state in states[states.index(turn.attempt.state) + 1 :]:
        turn.move(state, f"git made {(turn.attempt.head_sha or '')[:7]}; there is nothing to do for an agent")
    return None


def what_it_takes_back(turn: Turn) -> str:
    """For its pull request."""
    broken = _broken(turn)
    return (
        f"{(broken.merge_sha or '')[:12]} (pull request #{broken.pr_number}, attempt {broken.number}): {broken.reason}"
    )


def ended_meanwhile(turn: Turn, facts: GateFacts) -> bool:
    """Whether a person took the merge out of the base while the revert's pull request was open: then the attempt is ended.

    By commits of their own, or by merging it before it was judged; one that was judged goes on as what they merged.
    """
    attempt, github = turn.attempt, turn.services.github
    as_judged = facts.merged and (attempt.judged_sha is not None or facts.merged_by == github.login)
    if attempt.kind is not Kind.REVERT or as_judged:
        return False
    broken, tip = _broken(turn), fetched_tip(turn)
    if not is_taken_out(turn.services, broken, tip):
        return False
    pull = github.pull(attempt.key.repository, facts.pr_number)
    if pull is not None and pull.merged and not facts.merged:
        raise TryAgain(f"#{pull.number} was merged while it was looked at")
    end_taken_back(turn, broken, tip)
    return True


def where_now(turn: Turn) -> str:
    """What serves and what git has, for who has to decide how it is taken back."""
    return _where(turn, _broken(turn), fetched_tip(turn))


def made_by_git(turn: Turn, sha: str) -> RuleResult:
    """Its tree is what git makes of taking the merge back, or a person approved this very commit."""
    repository = turn.attempt.key.repository
    git, landed = turn.services.git, landed_by(turn.services, _broken(turn))
    base = git.merge_base(repository, sha, f"refs/remotes/origin/{turn.attempt.inputs.base}") or turn.attempt.base_sha
    made = _reverted(turn, landed, onto=base or "", message="what git makes of it\n")
    if made.sha is not None and git.tree(repository, made.sha) == git.tree(repository, sha):
        return RuleResult(
            name=_RULE, verdict=Verdict.PASSED, detail=f"it is what git makes of taking {landed.sha[:7]} back"
        )
    detail = f"{sha[:7]} is not what git makes of taking {landed.sha[:7]} back"
    if any(r.kind == "approve" and r.sha == sha for r in turn.store.requests.of(turn.attempt.id)):
        return RuleResult(name=_RULE, verdict=Verdict.PASSED, detail=f"{detail}, and a person approved it")
    return RuleResult(
        name=_RULE, verdict=Verdict.FAILED, detail=detail, follows=Decision.NEEDS_HUMAN, code=REVERT_BY_HAND
    )


def head_after_rollback(turn: Turn) -> str | None:
    """Where the attempt after one that was taken back starts: the base with that work on top, or the bare base where
    git cannot put it there. Never the old branch: what it has is in the base's history, and taken back there."""
    earlier = turn.earlier()
    last = earlier[-1] if earlier else None
    revert = revert_of(last, turn.store.runs.all_of(turn.attempt.key)) if last is not None else None
    if last is None or last.merge_sha is None or revert is None:
        return None
    tip = fetched_tip(turn)
    if revert.merge_sha is not None:
        gone, how = landed_by(turn.services, revert), f"was taken back as {revert.merge_sha[:12]}"
    elif revert.state is State.SUPERSEDED:  # a person did it, in whatever commits
        landed = landed_by(turn.services, last)
        gone, how = Landed(sha=landed.before, before=landed.sha), f"landed as {landed.sha[:12]} and was taken back"
    else:
        return None
    return _reverted(turn, gone, onto=tip, message=f"Bring back what {how}, to go on from there\n").sha or tip


def _committed(turn: Turn) -> bool:
    attempt, git = turn.attempt, turn.services.git
    broken = _broken(turn)
    tip, pushed = fetched_tip(turn), git.remote_head(attempt.key.repository, attempt.inputs.head)
    landed = landed_by(turn.services, broken)
    if pushed is not None and git.is_ancestor(attempt.key.repository, landed.sha, pushed):
        turn.move(State.WORKTREE_READY, f"goes on with {pushed[:7]}, which was pushed", base_sha=tip, head_sha=pushed)
        return True
    trailers = turn.services.limits.trailers
    message = commit_message(attempt, trailers=trailers, said=f"This reverts commit {landed.sha}.")
    made = _reverted(turn, landed, onto=tip, message=message)
    if made.sha is None:
        _give_up(turn, made, broken, tip)
        return False
    turn.fact("git", "reverted", {"landed": landed.sha, "before": landed.before, "onto": tip}, sha=made.sha)
    turn.move(State.WORKTREE_READY, f"git takes {landed.sha[:7]} back", base_sha=tip, head_sha=made.sha)
    return True


def _give_up(turn: Turn, made: Reverted, broken: Attempt, tip: str) -> None:
    if not made.conflicts:
        end_taken_back(turn, broken, tip)
        return
    why = conflict(made.conflicts)
    stop_lane(turn, why)
    reason = f"{why}. {_where(turn, broken, tip)}"
    turn.move(State.NEEDS_HUMAN, reason, human_from=State.QUEUED, human_reason=REVERT_CONFLICT)


def _where(turn: Turn, broken: Attempt, tip: str) -> str:
    seen, base = observe(turn.services, broken), turn.attempt.inputs.base
    return where_it_is(base=base, tip=tip, merge_sha=broken.merge_sha or "", live=seen.revision if seen else None)


def _broken(turn: Turn) -> Attempt:
    found = taken_back_by(turn.attempt, turn.store.runs.all_of(turn.attempt.key))
    if found is None:
        raise NeedsHuman(f"{turn.attempt.key} has no merged attempt to take back", reason=REVERT_CONFLICT)
    return found


def _reverted(turn: Turn, landed: Landed, *, onto: str, message: str) -> Reverted:
    return turn.services.git.revert(
        turn.attempt.key, landed=landed.sha, before=landed.before, onto=onto, message=message
    )
