"""What happens by itself: checks report, people push, review, merge, stop and retry; engines pick up runs, die and stall."""

from collections.abc import Iterator

from model_state import Engine, Model, Row, World, change_with, latest, put, spend

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import STOPPED, Kind, State

_BY_HAND = (Artifact.MERGE, Artifact.DEPLOYMENT, Artifact.VERIFICATION_REPORT, Artifact.EVIDENCE)
Events = Iterator[tuple[str, World]]


def outside(m: Model, w: World, change: int) -> Events:
    for n, row in enumerate(w.changes[change].rows):
        yield from _github(w, change, n)
        if row.run == "queued":
            yield from _picked_up(w, change, n)
    yield from _people(w, change)
    if w.left.others:
        yield "somebody deploys something else", spend(w, others=1)._replace(live="x0")
    for i, e in enumerate(w.engines):
        if e is not None and e.change == change:
            yield from _process(w, i, e)


def _github(w: World, change: int, n: int) -> Events:
    row = w.changes[change].rows[n]
    pull, left = row.pull, w.left
    if row.awaited is not None and left.late and not row.awaited.endswith("!"):
        yield "a deadline passes", put(spend(w, late=1), change, n, awaited=row.awaited + "!")
    holder = w.lane.holder
    if row.awaited == "lane" and holder and waits_for_a_person(w.changes[holder[0]].rows[holder[1] :]):
        yield "days in the lane's queue", put(w, change, n, awaited="lane!")
    if pull is None or pull.merged is not None or row.state in STOPPED:
        return
    if pull.ci == "pending":
        yield f"{pull.head} is green", put(w, change, n, pull=pull._replace(ci="green"))
        if left.reds:
            yield f"{pull.head} is red", put(spend(w, reds=1), change, n, pull=pull._replace(ci="red"))
    if left.reds and not pull.against and row.kind is Kind.IMPLEMENT:
        yield f"changes at {pull.head}", put(spend(w, reds=1), change, n, pull=pull._replace(against=True))
    if left.pushes and row.kind is Kind.IMPLEMENT:
        head = f"{pull.head.partition('@')[0]}p@{pull.head.partition('@')[2]}"
        pushed = pull._replace(head=head, ci="pending", against=False)
        yield f"somebody pushes {head}", put(spend(w, pushes=1), change, n, pull=pushed)
    if left.merges:
        sha = f"m{pull.head}"
        merged = put(spend(w, merges=1), change, n, pull=pull._replace(merged=sha))
        yield f"a person merges {pull.head}", merged._replace(base=(*w.base, sha))


def waits_for_a_person(rows: tuple[Row, ...]) -> bool:
    """Who has the lane, or the revert that takes it back."""
    return any(row.state is State.NEEDS_HUMAN for row in rows)


def _people(w: World, change: int) -> Events:
    c, left = w.changes[change], w.left
    n = latest(c)
    row = c.rows[n]
    if left.cancels and row.state not in {State.COMPLETED, State.CANCELLED}:
        yield f"stop {change}", change_with(spend(w, cancels=1), change, asked=(*c.asked, "stop"))
    if left.retries and row.state is State.NEEDS_HUMAN:
        yield f"retry {change}", change_with(spend(w, retries=1), change, asked=(*c.asked, "retry"))
    if left.hands and row.run in {"success", "failure"}:
        for artifact in _BY_HAND:
            yield f"{artifact} by hand", put(spend(w, hands=1), change, n, launch=(artifact,), run="queued")


def _picked_up(w: World, change: int, n: int) -> Events:
    if None in w.engines:
        i = w.engines.index(None)
        engine = Engine(change=change, owner=n, todo=w.changes[change].rows[n].launch)
        engines = tuple(engine if k == i else e for k, e in enumerate(w.engines))
        started = put(w._replace(engines=engines), change, n, run="started")
        yield f"an engine starts change {change}", change_with(started, change, silent=False)


def _process(w: World, i: int, e: Engine) -> Events:
    """Dead: its process is known to be gone. Stalled: its lease runs out, and it goes on whenever it wakes.

    That one dies whose run was given up and whose lease another took changes nothing, and is not counted as a crash."""
    gone = tuple(None if n == i else o for n, o in enumerate(w.engines))
    leased = w.changes[e.change].leased
    dies = f"engine of change {e.change} dies at {e.at} of {e.todo[0]}"
    if e.failed and not e.current:
        yield dies, w._replace(engines=gone)
    elif w.left.crashes:
        dead = spend(w, crashes=1)._replace(engines=gone)
        silent = e.current or not leased
        yield (
            dies,
            change_with(dead, e.change, leased=leased and not e.current, silent=silent) if silent else dead,
        )
    if w.left.stalls and e.current and leased:
        stalled = change_with(spend(w, stalls=1), e.change, leased=False, silent=True)
        yield f"engine of change {e.change} stalls at {e.at} of {e.todo[0]}", stalled
