"""Whether attempts converge: what one failed of, against what the one before it failed of.
What counts as the same is domain.patch."""

from collections.abc import Sequence

from oneshot_dagster.domain.patch import Failure, normalised_fingerprint
from oneshot_dagster.steps.turn import Turn


def failed_alike(turn: Turn, failures: Sequence[Failure], *, sha: str) -> bool:
    """Notes what this attempt failed of. Times, paths and numbers aside: what did not help once will not help twice."""
    fingerprint = normalised_fingerprint(failures)
    turn.fact("engine", "failures", {"names": [f.name for f in failures], "fingerprint": fingerprint}, sha=sha)
    earlier = turn.earlier()
    kept = [f for f in turn.store.facts.of(earlier[-1].id) if f.kind == "failures"] if earlier else []
    return bool(fingerprint and kept) and kept[-1].data["fingerprint"] == fingerprint
