"""What has to hold, checked by somebody who sees everything, at each effect and each end. A claim that fails raises Violation.
That an end can always be reached is a claim over all states together, and model_check's."""

from model_state import Engine, Row, Violation, World, latest

from oneshot_dagster.domain.run import STOPPED, Kind, State

_STANDS_BY_ITSELF = frozenset({State.DEPLOYING, State.VERIFYING})


def intended_rightly(row: Row) -> None:
    if row.state is not State.MERGE_READY:
        raise Violation(f"a merge was intended of an attempt that is {row.state}")


def merged_rightly(w: World, e: Engine, head: str, *, intended: bool) -> None:
    row = w.changes[e.change].rows[e.row]
    if head not in w.proven:
        raise Violation(f"{head} was merged, which was never judged with a passed gate")
    if not e.open_before:
        raise Violation(f"{head} was merged by a turn before which the gate had shut again")
    if f"m{head}" in w.base:
        raise Violation(f"{head} was merged twice")
    if not intended:
        raise Violation(f"{head} was merged and no intent is on record")
    if row.state in {State.CANCELLED, State.SUPERSEDED}:
        raise Violation(f"{head} was merged after the change had ended {row.state}")
    _alone(w, e, row.kind)


def _alone(w: World, e: Engine, kind: Kind) -> None:
    """Nobody merges onto what is neither verified nor taken back."""
    for c, change in enumerate(w.changes):
        for n, row in enumerate(change.rows):
            own = c == e.change and (n == e.row or kind is Kind.REVERT)
            merged = row.pull is not None and row.pull.merged is not None
            if merged and not own and not _settled(change.rows, n):
                raise Violation(f"a merge onto attempt {n + 1} of change {c}, which is merged and {row.state}")


def _settled(rows: tuple[Row, ...], n: int) -> bool:
    later = any(r.kind is Kind.REVERT and r.state is State.COMPLETED for r in rows[n + 1 :])
    return rows[n].state is State.COMPLETED or later


def started_rightly(w: World, e: Engine, sha: str) -> int:
    """The place of the revision in the base."""
    row = w.changes[e.change].rows[e.row]
    place = w.base.index(sha)
    if place < w.started:
        raise Violation(f"{sha} was started after a newer revision")
    if row.state not in _STANDS_BY_ITSELF:  # the same revision once more is nothing older
        raise Violation(f"{sha} was started when its attempt was {row.state}")
    return place


def restored_rightly(w: World, e: Engine) -> None:
    row = w.changes[e.change].rows[e.row]
    if w.base.index(row.merge_sha or "") < w.started:
        raise Violation("something earlier was brought back after a newer revision was started")


def completed_rightly(w: World, at: tuple[int, int]) -> None:
    row = w.changes[at[0]].rows[at[1]]
    if row.report != (row.merge_sha, True):
        raise Violation(f"completed, and its verification is {row.report}")
    if row.merge_sha not in w.base or not row.landed:
        raise Violation("completed, and it was not seen to land")


def sealed_rightly(w: World, row: Row) -> None:
    if w.live != row.merge_sha:
        raise Violation(f"to be called completed, and {w.live} serves")


def rolled_back_rightly(w: World, at: tuple[int, int]) -> None:
    after = [r for r in w.changes[at[0]].rows[at[1] + 1 :] if r.kind is Kind.REVERT]
    if not any(r.merge_sha in w.base and r.report == (r.merge_sha, True) for r in after):
        raise Violation("rolled back, and no revert is merged and verified")


def taken_back_rightly(w: World, row: Row) -> None:
    if w.live == row.merge_sha:
        raise Violation(f"{row.merge_sha} does not stand, is to be taken back, and serves all the while")


def seen_rightly(w: World) -> None:
    """In every state: what we merged and nobody took back is not called cancelled."""
    for c, change in enumerate(w.changes):
        for n, row in enumerate(change.rows):
            merged = row.pull is not None and row.pull.merged is not None
            stands = merged and row.merge is not None and not _settled(change.rows, n)
            if stands and row.state in {State.CANCELLED, State.SUPERSEDED}:
                raise Violation(f"attempt {n + 1} of change {c} is {row.state}, and it is merged")


def is_end(w: World) -> bool:
    """Nobody is at work, and each change has stopped, sealed; what waits for a person says why."""
    return not any(w.engines) and w.slow is None and all(has_ended(change.rows[latest(change)]) for change in w.changes)


def has_ended(row: Row) -> bool:
    ended = row.state in STOPPED - {State.NEEDS_ITERATION} and row.sealed
    return ended and (row.state is not State.NEEDS_HUMAN or bool(row.why))
