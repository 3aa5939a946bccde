"""What one merge brought to its base, and whether another revision holds any of it still."""

from dataclasses import dataclass

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.steps.services import Services


@dataclass(frozen=True, kw_only=True, slots=True)
class Landed:
    """From `before` to `sha`."""

    sha: str
    before: str


def landed_by(services: Services, attempt: Attempt) -> Landed:
    """Onto what it landed was seen when it was merged, however many commits it was."""
    sha = attempt.merge_sha or ""
    seen = [fact for fact in services.store.facts.of(attempt.id) if fact.kind == "landing" and fact.data.get("onto")]
    before = str(seen[-1].data["onto"]) if seen else services.git.parents(attempt.key.repository, sha)[0]
    return Landed(sha=sha, before=before)


def keeps(services: Services, attempt: Attempt, revision: str) -> bool:
    """Of a revision that has the merge in its history: the trees say whether all of it was taken out since, as by a revert."""
    git, landed = services.git, landed_by(services, attempt)
    if git.tree(attempt.key.repository, landed.sha) == git.tree(attempt.key.repository, landed.before):
        return True
    return not is_taken_out(services, attempt, revision)


def is_taken_out(services: Services, attempt: Attempt, revision: str) -> bool:
    """Whether git finds nothing left to revert there."""
    landed, message = landed_by(services, attempt), "what is left to take back\n"
    made = services.git.revert(attempt.key, landed=landed.sha, before=landed.before, onto=revision, message=message)
    return made.sha is None and not made.conflicts
