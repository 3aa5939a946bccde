"""Each HTTP call with each fault from the verification that fails to the end of the revert: undo, the revert's pull request, its
gate, merge, deployment and verification. One change a case, in a world in which something verified serves."""

from collections.abc import Callable, Sequence

from fault_matrix import Case, Matrix
from world_facts import git, merges, sealed_evidence
from world_fixtures import World, served

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.local.demo.issues import Kind as Issue

_ENDS = [State.NEEDS_ITERATION, State.COMPLETED]


class RollbackMatrix(Matrix):
    kind = Issue.BAD_DEPLOY

    def __init__(self, world: World) -> None:
        super().__init__(world)
        assert Matrix(world).calls  # a change that stands: what serves then is what is restored

    def new_case(self, key: ChangeKey, since: str, begins: Callable[[], None]) -> "TakenBack":
        return TakenBack(self.world, key, since, begins)


class TakenBack(Case):
    """It is over with the revert: the attempt that would follow is not started. Faults begin with `from_` of the one that fails."""

    from_ = Artifact.VERIFICATION_REPORT

    def __init__(self, world: World, key: ChangeKey, since: str, begins: Callable[[], None]) -> None:
        super().__init__(world, key, since, begins)
        self.verified = str(served(world.shop_url)["revision"])
        self._began = False
        self.launcher.before = self._before

    def intake(self) -> str | None:
        return self.taken_in()

    def _before(self, artifact: Artifact, attempt: Attempt) -> None:
        if artifact is self.from_ and attempt.kind is Kind.IMPLEMENT and not self._began:
            self._began = True
            self.begins()

    def over(self, attempt: Attempt) -> bool:
        attempts = self.services.store.runs.all_of(self.key)
        stuck = attempt.state is State.NEEDS_HUMAN and attempt.evidence_head is not None
        return stuck or (len(attempts) > 1 and all(a.evidence_head for a in attempts))

    def ended_well(self, attempt: Attempt | None) -> bool:
        """Who was told that the evidence of the first could not be sealed, and says retry, has one more attempt made."""
        del attempt
        states = [a.state for a in self.services.store.runs.all_of(self.key)]
        once_more = [State.COMPLETED] if self.first_reason.startswith("evidence_not_sealed") else []
        return states in (_ENDS, _ENDS + once_more)

    def problems_of_world(self, attempt: Attempt | None) -> list[str]:
        attempts = self.services.store.runs.all_of(self.key)
        if not self.ended_well(attempt):
            return [f"did not go on to its end: {[(a.state.value, a.reason) for a in attempts]}"]
        revert, last = attempts[1], attempts[-1]
        ones, heads = [1 for _ in attempts], [a.inputs.head for a in attempts]
        found = {
            "the base's history": merges(self.world, self.since) == [a.merge_sha for a in reversed(attempts)],
            "the base's tree": _tree(self.world, revert.merge_sha or "") == _tree(self.world, self.since),
            "what serves": served(self.world.shop_url)["revision"] == last.merge_sha == last.verified_sha,
            "what was started": self._well_started(attempts),
            "merged once each": [self._done(a, "merge") for a in attempts] == ones,
            "one pull request each": [self._pulls(a) for a in attempts] == [heads.count(head) for head in heads],
            "one GitHub Deployment each": [len(self._deployments(a)) for a in attempts] == ones,
            "which of them stands": [a for a in attempts if self._stands(a)] == [last],
            "evidence": all(sealed_evidence(self.services, a).ok for a in attempts),
            "intents": all(w.outcome for w in self.services.store.writes.of(self.key)),
            "violations": self.world.forge.violations() == [],
        }
        wrong = [f"{what} is not as it should be" for what, holds in found.items() if not holds]
        return wrong + self.branches_left(attempts)

    def _well_started(self, attempts: Sequence[Attempt]) -> bool:
        undone = [self._done(a, "undo") for a in attempts]
        broken, *after = [a.merge_sha for a in attempts]
        return undone == [1, *(0 for _ in after)] and self._started(len(attempts) + 1) == [
            broken,
            self.verified,
            *after,
        ]

    def _started(self, last: int) -> list[str]:
        starts = served(self.world.shop_url)["starts"]
        assert isinstance(starts, list)
        return [start["sha"] for start in starts[-last:]]

    def _done(self, attempt: Attempt, action: str) -> int:
        writes = self.services.store.writes.of(self.key)
        return sum(w.attempt_id == attempt.id and w.action == action and w.outcome == "done" for w in writes)

    def _pulls(self, attempt: Attempt) -> int:
        pulls = self.world.forge.pulls(self.key.repository, state="all")
        return sum(pull["head"]["ref"] == attempt.inputs.head for pull in pulls)

    def _deployments(self, attempt: Attempt) -> list[dict]:
        return self.world.forge.api("GET", self.key.repository, "/deployments", sha=attempt.merge_sha or "")

    def _stands(self, attempt: Attempt) -> bool:
        (made,) = self._deployments(attempt)
        statuses = self.world.forge.api("GET", self.key.repository, f"/deployments/{made['id']}/statuses")
        return statuses[0]["state"] == "success"


def _tree(world: World, sha: str) -> str:
    return git(world, "rev-parse", f"{sha}^{{tree}}").strip()
