"""Attempts: rows of codex_judge.runs, and how they move. The rules of the moves are domain.run."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy.exc import IntegrityError

from oneshot_dagster.domain.attempt import Attempt, Awaited, Inputs, Transition
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput, StaleState, TryAgain
from oneshot_dagster.domain.run import STOPPED, Kind, Mode, State, allowed
from oneshot_dagster.services.store.database import Database, Row, broke, json, present
from oneshot_dagster.services.store.fences import hold_fast
from oneshot_dagster.services.store.protocol import Lease, Untaken
from oneshot_dagster.services.store.rows import attempt, change_key, columns


class PostgresRuns:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        key: ChangeKey,
        *,
        number: int,
        kind: Kind,
        mode: Mode,
        inputs: Inputs,
        policy: str,
        cause: str,
        next_prompt: str | None = None,
    ) -> Attempt:
        identity = {**_of(key), "attempt": number, "kind": kind.value}
        for _ in range(3):  # what stood in the way may have stopped by the time that it is read
            row = self._database.one(
                "runs.create",
                **identity,
                **asdict(inputs),
                mode=mode.value,
                policy=policy,
                reason=f"attempt {number} was taken in",
                cause=cause,
                next_prompt=next_prompt,
            ) or self._database.one("runs.existing", **identity)
            if row is not None:
                return attempt(row)
        raise TryAgain(f"attempt {number} of {key} could not be made while others change")

    def latest(self, key: ChangeKey) -> Attempt | None:
        return _maybe(self._database.one("runs.latest", **_of(key)))

    def all_of(self, key: ChangeKey) -> tuple[Attempt, ...]:
        return tuple(map(attempt, self._database.all("runs.all_of", **_of(key))))

    def by_id(self, attempt_id: str) -> Attempt | None:
        try:
            uuid.UUID(attempt_id)
        except ValueError:
            return None
        return _maybe(self._database.one("runs.by_id", id=attempt_id))

    def newest_of_each_change(self, *, limit: int = 200) -> tuple[Attempt, ...]:
        return tuple(map(attempt, self._database.all("runs.newest_of_each_change", limit=limit)))

    def unfinished(self, only: ChangeKey | None = None) -> tuple[Attempt, ...]:
        of = _of(only) if only is not None else {"repository": None, "issue_number": None}
        return tuple(map(attempt, self._database.all("runs.unfinished", **of)))

    def new(self) -> tuple[Attempt, ...]:
        return tuple(map(attempt, self._database.all("runs.new")))

    def transition(
        self,
        attempt: Attempt,
        target: State,
        *,
        reason: str,
        cause: str,
        fields: Mapping[str, object] | None = None,
        under: Lease | Untaken | None = None,
    ) -> Attempt:
        if not allowed(attempt.state, target):
            raise BadInput(
                tried=f"move {attempt.key}, attempt {attempt.number}, to {target}",
                found=f"it in {attempt.state}, from where the lifecycle does not lead there",
                do="read the attempt again",
            )
        try:
            with self._database.transaction() as asking:
                hold_fast(asking, under, doing=f"{attempt.key} was not moved to {target}")
                row = asking.one(
                    "runs.transition",
                    id=attempt.id,
                    source=attempt.state.value,
                    as_of=attempt.updated_at if isinstance(under, Untaken) else None,
                    target=target.value,
                    stopped=target in STOPPED,
                    reason=reason,
                    cause=cause,
                    fields=json(columns(_implied(attempt.state, target) | dict(fields or {}))),
                )
        except IntegrityError as error:
            if broke(error, "runs_one_live_attempt"):
                raise StaleState(f"{attempt.key} has another live attempt than {attempt.number} by now") from error
            raise
        if row is None:
            raise StaleState(f"{attempt.key}, attempt {attempt.number}, does not stand in {attempt.state} any more")
        return _attempt(row)

    def update(self, attempt_id: str, fields: Mapping[str, object], *, under: Lease | None = None) -> Attempt:
        with self._database.transaction() as asking:
            hold_fast(asking, under, doing="nothing was written of the attempt")
            return attempt(present(asking.one("runs.update", id=attempt_id, fields=json(columns(fields)))))

    def park(self, attempt_id: str, awaited: Awaited | None, *, reason: str, under: Lease | None = None) -> Attempt:
        return self.update(attempt_id, {"awaited": awaited, "reason": reason}, under=under)

    def transitions(self, attempt_id: str) -> tuple[Transition, ...]:
        return tuple(map(_transition, self._database.all("runs.transitions", id=attempt_id)))

    def change_of_pull(self, repository: str, number: int) -> ChangeKey | None:
        row = self._database.one("runs.change_of_pull", repository=repository, pr_number=number)
        return change_key(row) if row else None

    def of_pull(self, repository: str, number: int) -> tuple[Attempt, ...]:
        return tuple(map(attempt, self._database.all("runs.of_pull", repository=repository, pr_number=number)))

    def last_verified_sha(self, repository: str, base: str, *, environment: str) -> str | None:
        row = self._database.one("runs.last_verified_sha", repository=repository, base=base, environment=environment)
        return row["verified_sha"] if row else None


def _of(key: ChangeKey) -> dict[str, object]:
    return {"repository": key.repository, "issue_number": key.issue_number}


def _implied(source: State, target: State) -> dict[str, object]:
    """What ends with the state that is left, where the fields do not say otherwise."""
    human_from = source if target is State.NEEDS_HUMAN else None
    implied: dict[str, object] = {"awaited": None, "human_from": human_from, "evidence_head": None}
    if source is State.NEEDS_HUMAN:
        implied["human_reason"] = None
    return implied


_attempt = attempt  # the protocol calls a parameter of `transition` so


def _maybe(row: Row | None) -> Attempt | None:
    return attempt(row) if row else None


def _transition(row: Row) -> Transition:
    source = row["source"]
    return Transition(
        source=State(source) if source else None,
        target=State(row["target"]),
        reason=row["reason"],
        cause=row["cause"],
        at=row["at"],
    )
