"""Write actions: intents before effects, fenced by the epochs of lease and lane, and what was observed of them."""

from collections.abc import Mapping

from oneshot_dagster.domain.attempt import WriteAction
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import LeaseLost
from oneshot_dagster.services.store.database import Database, Row, json, present
from oneshot_dagster.services.store.fences import hold_fast
from oneshot_dagster.services.store.protocol import Lease


class PostgresWrites:
    def __init__(self, database: Database) -> None:
        self._database = database

    def intend(
        self,
        attempt_id: str,
        *,
        action: str,
        key: str,
        payload: Mapping[str, object],
        lease: Lease,
        lane_epoch: int | None = None,
    ) -> WriteAction:
        identity = {"run_id": attempt_id, "action": action, "key": key}
        with self._database.transaction() as asking:
            hold_fast(asking, lease, doing="nothing was intended")
            if lane_epoch is not None and not asking.one("writes.lane_fence", run_id=attempt_id, epoch=lane_epoch):
                raise LeaseLost(f"the lane is not held under epoch {lane_epoch}: nothing was intended")
            row = asking.one(
                "writes.intend", **identity, payload=json(payload), lease_epoch=lease.epoch, lane_epoch=lane_epoch
            ) or asking.one("writes.intended", **identity)
            return _write_action(present(row))

    def note(self, write_action_id: str, more: Mapping[str, object]) -> WriteAction:
        return _write_action(present(self._database.one("writes.note", id=write_action_id, more=json(more))))

    def settle(self, write_action_id: str, *, outcome: str, result: Mapping[str, object]) -> WriteAction:
        row = self._database.one("writes.settle", id=write_action_id, outcome=outcome, result=json(result))
        return _write_action(present(row))

    def of(self, key: ChangeKey) -> tuple[WriteAction, ...]:
        rows = self._database.all("writes.of", repository=key.repository, issue_number=key.issue_number)
        return tuple(map(_write_action, rows))

    def deny(self, attempt_id: str, *, action: str, key: str, reason: str) -> None:
        self._database.run("writes.deny", run_id=attempt_id, action=action, key=key, result=json({"reason": reason}))


def _write_action(row: Row) -> WriteAction:
    return WriteAction(
        id=str(row["id"]),
        attempt_id=str(row["run_id"]),
        action=row["action"],
        key=row["key"],
        payload=row["payload"],
        lane_epoch=row["lane_epoch"],
        outcome=row["outcome"],
        result=row["result"],
        created_at=row["created_at"],
        settled_at=row["settled_at"],
    )
