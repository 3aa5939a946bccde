"""A step's turn: the attempt it works on, and the few ways in which a step writes: move, fact, file, write action.
What each step does is in its own file; who calls it is orchestration's."""

import hashlib
import json
from collections.abc import Callable, Mapping

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt, Awaited
from oneshot_dagster.domain.errors import LeaseLost
from oneshot_dagster.domain.policy import Policy, parse_policy
from oneshot_dagster.domain.run import BEFORE_MERGE, Kind, State
from oneshot_dagster.services.git.protocol import Worktree
from oneshot_dagster.steps.lease import Held
from oneshot_dagster.steps.services import Services


class Turn:
    """One step of one Dagster run on one attempt, under the change's lease. `attempt` is as it was last read."""

    def __init__(
        self,
        services: Services,
        *,
        artifact: Artifact,
        attempt: Attempt,
        held: Held,
        run_id: str,
        say: Callable[[str], None],
        others_wait: Callable[[], bool],
        alarm: Callable[[str], None] | None = None,
    ) -> None:
        self.services, self.store = services, services.store
        self.artifact, self.attempt, self.held = artifact, attempt, held
        self.run_id, self.say, self.others_wait = run_id, say, others_wait
        self.alarm = alarm or say
        self._next: tuple[State, str, dict[str, object]] | None = None
        self._asked_at = 0.0
        self._stop_asked = False

    @property
    def policy(self) -> Policy:
        return parse_policy(self.attempt.policy)

    def earlier(self) -> list[Attempt]:
        """The attempts at the change before this one, oldest first; reverts are none."""
        attempts = self.store.runs.all_of(self.attempt.key)
        return [a for a in attempts if a.number < self.attempt.number and a.kind is Kind.IMPLEMENT]

    def cancelled(self) -> bool:
        """The lease is lost, or a person asked to stop, or once it is merged to take it back (read at most once a second);
        never so of a revert."""
        if self.held.lost or self.attempt.kind is Kind.REVERT:
            return self.held.lost
        now = self.services.clock.monotonic()
        if now - self._asked_at >= 1.0:
            self._asked_at = now
            word = "stop" if self.attempt.state in BEFORE_MERGE else "rollback"
            self._stop_asked = any(r.kind == word for r in self.store.requests.open(self.attempt.id))
        return self._stop_asked

    def check_lease(self) -> None:
        if self.held.lost:
            raise LeaseLost(f"the lease of {self.attempt.key} was lost; another engine goes on")

    def move(self, target: State, reason: str, **fields: object) -> Attempt:
        self.check_lease()
        cause = f"{self.artifact} in run {self.run_id}"
        self.attempt = self.store.runs.transition(
            self.attempt, target, reason=reason, cause=cause, fields=fields, under=self.held.lease
        )
        self.fact("engine", "transition", {"state": target.value, "reason": reason})
        return self.attempt

    def then(self, target: State, reason: str, **fields: object) -> None:
        """The step's last move, made by `commit` once its record is shown: a crash in between repeats the step."""
        self._next = (target, reason, fields)

    def forget_next(self) -> None:
        self._next = None

    @property
    def head_sha(self) -> str | None:
        """The head as the step leaves it."""
        left = self._next[2].get("head_sha") if self._next is not None else None
        return str(left) if left else self.attempt.head_sha

    def commit(self) -> None:
        if self._next is not None:
            target, reason, fields = self._next
            self._next = None
            self.move(target, reason, **fields)

    def set(self, **fields: object) -> Attempt:
        self.check_lease()
        self.attempt = self.store.runs.update(self.attempt.id, fields, under=self.held.lease)
        return self.attempt

    def park(self, awaited: Awaited, reason: str) -> None:
        self.check_lease()
        self.attempt = self.store.runs.park(self.attempt.id, awaited, reason=reason, under=self.held.lease)

    def fact(self, source: str, kind: str, data: Mapping[str, object], *, sha: str | None = None) -> None:
        self.store.facts.append(
            self.attempt.id,
            source=source,
            kind=kind,
            sha=sha or self.attempt.head_sha,
            data={"step": self.artifact, **data},
        )

    def file(self, name: str, content: bytes, media_type: str) -> str:
        """Stores the bytes and their row; the sha256."""
        blob = self.services.blobs.put(content)
        self.store.artifacts.add_file(
            self.attempt.id,
            artifact=self.artifact,
            name=name,
            sha256=blob.sha256,
            size=blob.size,
            media_type=media_type,
            uri=blob.uri,
        )
        return blob.sha256

    def keep(self, tree: Worktree) -> None:
        """What lay in the worktree and is on no remote: a bundle, or a tar where git could not hold it."""
        if tree.dropped:
            self.say(
                f"what lay in the worktree held a key of the agent's and was dropped: {', '.join(tree.dropped[:10])}"
            )
            self.fact("engine", "worktree_dropped", {"places": tree.dropped[:100]})
        if tree.kept is not None:
            media_type = "application/x-tar" if tree.kept.suffix == ".tar" else "application/x-git-bundle"
            self.file("worktree-kept", tree.kept.read_bytes(), media_type)

    def read_file(self, name: str, *, of: str | None = None) -> bytes | None:
        """The newest file of that name, of this attempt or of another one's id."""
        found = [f for f in self.store.artifacts.files(of or self.attempt.id) if f.name == name]
        return self.services.blobs.get(found[-1].sha256) if found else None


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
