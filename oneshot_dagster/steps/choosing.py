"""What git says of the revisions beside a merge: what serves, what was verified last, the base. Which of them is deployed
is domain/deploying's."""

from oneshot_dagster.domain.deploying import Chosen, Later, choose
from oneshot_dagster.domain.run import Kind
from oneshot_dagster.services.deploy.protocol import Deploy
from oneshot_dagster.steps.restoring import last_verified
from oneshot_dagster.steps.target import contains, target
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.what_landed import keeps


def chosen(turn: Turn, deploy: Deploy) -> Chosen:
    attempt, git = turn.attempt, turn.services.git
    seen = deploy.observe(target(turn.services, attempt))
    tip = git.resolve(attempt.key.repository, f"refs/remotes/origin/{attempt.inputs.base}")
    return choose(
        attempt.merge_sha or "",
        serves=_later(turn, seen.revision),
        verified=_later(turn, last_verified(turn, attempt)),
        base=_later(turn, tip),
    )


def _later(turn: Turn, revision: str | None) -> Later | None:
    attempt, sha = turn.attempt, turn.attempt.merge_sha or ""
    if revision is None or revision == sha or not contains(turn.services, attempt.key.repository, revision, sha):
        return None
    # What takes back is no matter of taste: whoever brings the work back later has this revert before them.
    return Later(sha=revision, keeps=attempt.kind is Kind.REVERT or keeps(turn.services, attempt, revision))
