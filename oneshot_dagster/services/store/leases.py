"""Leases and lanes: who acts for a change, and whose turn it is to land. All by the database's clock."""

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.freeze import stopped
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.store.database import Asking, Database, Row, present
from oneshot_dagster.services.store.fences import hold_fast
from oneshot_dagster.services.store.freezes import freezes
from oneshot_dagster.services.store.protocol import LanePlace, Lease
from oneshot_dagster.services.store.rows import change_key


def lane_of(attempt: Attempt) -> str:
    return f"lane:{attempt.key.repository}:{attempt.inputs.base}"


class PostgresLeases:
    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, name: str, holder: str, *, seconds: float) -> Lease | None:
        row = self._database.one("leases.take", name=name, holder=holder, seconds=seconds)
        return _lease(row) if row else None

    def renew(self, lease: Lease, *, seconds: float) -> bool:
        return self._database.run("leases.renew", **_identity(lease), seconds=seconds) == 1

    def release(self, lease: Lease) -> None:
        self._database.run("leases.release", **_identity(lease))

    def current(self, name: str) -> Lease | None:
        row = self._database.one("leases.current", name=name)
        return _lease(row) if row else None

    def enter_lane(self, attempt: Attempt, *, seconds: float, under: Lease | None = None) -> LanePlace:
        asker = {"lane": lane_of(attempt), "run_id": attempt.id}
        with self._database.transaction() as asking:
            hold_fast(asking, under, doing="its lane was not entered")
            asking.run("leases.lane_ensure", lane=asker["lane"])
            asking.one("leases.lane_lock", lane=asker["lane"])
            asking.run("leases.lane_queue", **asker)
            halt = stopped(freezes(asking.all("freezes.standing", repository=attempt.key.repository)))
            if halt is not None:
                return LanePlace(lease=None, stopped=halt)
            holder = asking.one(
                "leases.lane_holder",
                **asker,
                kind=attempt.kind.value,
                repository=attempt.key.repository,
                issue_number=attempt.key.issue_number,
            )
            if holder and holder["ours"]:
                return _ours(asking, "leases.lane_keep", lane=asker["lane"], seconds=seconds)
            if holder and not holder["free"]:
                return _behind(holder)
            first = present(asking.one("leases.lane_first", **asker))
            if not first["ours"]:
                return _behind(first)
            return _ours(asking, "leases.lane_take", **asker, seconds=seconds)

    def leave_lane(self, attempt: Attempt, *, under: Lease | None = None) -> None:
        asker = {"lane": lane_of(attempt), "run_id": attempt.id}
        with self._database.transaction() as asking:
            hold_fast(asking, under, doing="its lane was not left")
            asking.one("leases.lane_lock", lane=asker["lane"])
            asking.run("leases.lane_leave", **asker)
            asking.run("leases.lane_release", **asker)
            asking.all("leases.lane_wake", lane=asker["lane"])

    def raise_lane(self, attempt: Attempt, *, lease: Lease) -> int | None:
        with self._database.transaction() as asking:
            hold_fast(asking, lease, doing="its lane was not raised")
            row = asking.one("leases.lane_raise", lane=lane_of(attempt), run_id=attempt.id)
            return row["epoch"] if row else None

    def lane_is_ours(self, attempt: Attempt, *, lease: Lease, epoch: int) -> bool:
        with self._database.transaction() as asking:
            held = asking.one("leases.fence", **_identity(lease))
            row = asking.one("leases.lane_epoch", lane=lane_of(attempt), run_id=attempt.id)
            return held is not None and row is not None and row["epoch"] == epoch

    def lane_epoch(self, attempt: Attempt) -> int | None:
        row = self._database.one("leases.lane_epoch", lane=lane_of(attempt), run_id=attempt.id)
        return row["epoch"] if row else None


def _ours(asking: Asking, query: str, **parameters: object) -> LanePlace:
    return LanePlace(lease=_lease(present(asking.one(query, **parameters))))


def _behind(row: Row) -> LanePlace:
    return LanePlace(lease=None, behind=change_key(row), behind_state=State(row["state"]))


def _identity(lease: Lease) -> dict[str, object]:
    return {"name": lease.name, "holder": lease.holder, "epoch": lease.epoch}


def _lease(row: Row) -> Lease:
    return Lease(
        name=row["name"],
        holder=row["holder"],
        epoch=row["epoch"],
        expires_at=row["expires_at"],
        expired=row["expired"],
    )
