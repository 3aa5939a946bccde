"""The end of a revert that has nothing to do, or no more: somebody took the merge out of the base by commits of their own.
What counts as proven then is domain.rollback.TakenBackAlready."""

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.policy import parse_policy
from oneshot_dagster.domain.rollback import TAKEN_BACK_ALREADY, TakenBackAlready
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps import effects
from oneshot_dagster.steps.restoring import last_verified
from oneshot_dagster.steps.target import target
from oneshot_dagster.steps.turn import Turn


def end_taken_back(turn: Turn, broken: Attempt, tip: str) -> None:
    """Nothing is left for a revert to do. What a person's own one left is proven where its tree was, and serves.

    Its pull request is closed where it has one by then; where nothing is proven a person may still want it.
    """
    found = _found(turn, broken, tip)
    told = {"merge": found.merge_sha, "live": found.live, "verified": found.verified, "vouched_by": found.vouched_by}
    turn.fact("git", TAKEN_BACK_ALREADY, {**told, "serves_it": found.serves_it}, sha=tip)
    if not found.stands:
        human_from = State.QUEUED if turn.attempt.pr_number is None else turn.attempt.state
        turn.move(
            State.NEEDS_HUMAN, found.sentence, human_from=human_from, human_reason=TAKEN_BACK_ALREADY, awaited=None
        )
        return
    _close(turn, found)
    turn.move(State.SUPERSEDED, found.sentence, awaited=None)


def _close(turn: Turn, found: TakenBackAlready) -> None:
    """GitHub closes what has no branch any more. A branch that somebody pushed to since stays, and so does its pull request."""
    number, sha = turn.attempt.pr_number, turn.attempt.head_sha
    if number is None or sha is None:
        return
    try:
        effects.comment(turn, number=number, purpose=TAKEN_BACK_ALREADY, body=found.comment)
        effects.delete_branch(turn, branch=turn.attempt.inputs.head, sha=sha)
    except NeedsHuman as error:
        turn.say(f"pull request #{number} was not closed: {error}")


def _found(turn: Turn, broken: Attempt, tip: str) -> TakenBackAlready:
    kind = parse_policy(broken.policy).deploy.kind
    deploy = turn.services.deploys.get(kind)
    seen = deploy.observe(target(turn.services, broken)) if deploy is not None and kind != "none" else None
    verified, live = last_verified(turn, broken), seen.revision if seen else None
    return TakenBackAlready(
        base=turn.attempt.inputs.base,
        tip=tip,
        merge_sha=broken.merge_sha or "",
        live=live,
        serves_it=kind == "none" or (seen is not None and seen.ready and _alike(turn, live, tip)),
        verified=verified if _alike(turn, verified, tip) else None,
        vouched_by=_vouched(turn, tip),
    )


def _alike(turn: Turn, sha: str | None, tip: str) -> bool:
    git, repository = turn.services.git, turn.attempt.key.repository
    if sha is None or git.resolve(repository, sha) is None:
        return False
    return git.tree(repository, sha) == git.tree(repository, tip)


def _vouched(turn: Turn, tip: str) -> str | None:
    """Who let it go on after being told of this very tip."""
    told = [f.at for f in turn.store.facts.of(turn.attempt.id) if f.kind == TAKEN_BACK_ALREADY and f.sha == tip]
    words = [r for r in turn.store.requests.of(turn.attempt.id) if r.kind == "resume" and told and r.at > told[0]]
    return words[-1].by if words else None
