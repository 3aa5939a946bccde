"""The values of the state model: attempts, changes, engines, the lane and what serves, all frozen and hashable.
Time is left out: whatever may have run out by now has, and epochs are kept as "still the current one"."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from oneshot_dagster.domain.action import MoveTo
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import Kind, State

FIRST_LIVE = "v0"  # what serves, verified, before anything of the model happens
ENDLESS = 99  # infrastructure retries that nothing in a bound can spend


class Pull(NamedTuple):
    """A pull request as GitHub has it. A head's name ends with how many commits of the base it holds."""

    head: str
    merged: str | None = None
    ci: str = "pending"
    against: bool = False  # changes are requested at this head


class Row(NamedTuple):
    """A row of codex_judge.runs with the newest write action of each kind, its launch, and its records."""

    kind: Kind = Kind.IMPLEMENT
    state: State = State.QUEUED
    head: str | None = None
    judged: str | None = None
    merge_sha: str | None = None
    verified: str | None = None
    awaited: str | None = None
    human_from: State | None = None
    why: str | None = None
    sealed: bool = False
    tested: str | None = None
    snapshot: str | None = None
    gate: tuple[str, str] | None = None  # sha and opening as recorded last
    judgement: str | None = None  # the sha of the passing evaluation on file
    report: tuple[str, bool] | None = None
    failed: bool = False  # post_deploy_failed is on record, and nothing followed yet
    goes_on: bool = True
    before: str | None = None  # what served before it was deployed
    retries: int = 0
    launch: tuple[Artifact, ...] = ()
    run: str = ""
    moved: bool = False
    seals: int = 0
    merge: tuple[str, str | None] | None = None  # sha and outcome of the merge's write action
    refusals: int = 0
    start: str | None = None  # "open" or "done", under the present holding of the lane
    updates: int = 0
    pull: Pull | None = None
    landed: bool = False


class Change(NamedTuple):
    rows: tuple[Row, ...]
    leased: bool = False  # by somebody, whose lease has not run out
    silent: bool = False  # it ran out, or its holder is known to be gone
    asked: tuple[str, ...] = ()  # open requests of people


class Engine(NamedTuple):
    """One process in one run. `current`: its epoch of the change's lease is the newest; `lane`: likewise of the lane's."""

    change: int
    owner: int  # the attempt whose launch this is
    todo: tuple[Artifact, ...]
    at: str = "enter"
    row: int = 0
    known: State = State.QUEUED  # the state as this turn read it
    current: bool = False
    lane: bool = False
    mine: bool = False  # the open intent is of this very turn
    sha: str = ""
    plan: tuple[object, ...] = ()
    open_before: bool = True  # what an all-knowing eye saw as the turn began: the gate was open at the judged head
    failed: bool = False  # its run was reported as failed: it is taken for gone


class Lane(NamedTuple):
    holder: tuple[int, int] | None = None
    queue: tuple[tuple[int, int], ...] = ()


class Left(NamedTuple):
    """What may still happen from outside."""

    pushes: int = 0
    crashes: int = 0
    stalls: int = 0
    cancels: int = 0
    reds: int = 0  # a check that fails, changes that are requested
    breaks: int = 0  # a deployment or a verification that fails
    retries: int = 0  # a person's retry
    late: int = 0  # a wait whose deadline passes
    merges: int = 0  # a person's merge
    hands: int = 0  # one step launched by hand
    others: int = 0  # something else is deployed past us
    slow: int = 0  # a look of a second resumer, which acts on what it read a while ago


class Slow(NamedTuple):
    """What a resumer has decided and not done yet. `untaken`: nobody took the change's lease since it looked, `unmoved`: the
    attempt is as it was read."""

    change: int
    row: int
    known: State
    action: MoveTo
    asked: tuple[str, ...]  # the requests that it takes as handled
    untaken: bool = True
    unmoved: bool = True


class World(NamedTuple):
    changes: tuple[Change, ...]
    engines: tuple[Engine | None, ...]
    lane: Lane
    base: tuple[str, ...]
    live: str
    verified: tuple[tuple[int, int], ...]  # attempts that were completed, in order
    proven: tuple[str, ...]  # heads that were judged with a passed gate: what the claims hold against
    started: int  # the place in the base of the newest revision that was started
    left: Left
    slow: Slow | None = None


class Defect(StrEnum):
    """One rule of the product left out, each."""

    DROP_SHA = "the merge is asked for without its sha"
    NO_REDECISION = "the gate is not read again before the merge"
    GATE_IGNORES_HEAD = "the gate takes whatever head it finds for the one that was tested and judged"
    GATE_IGNORES_REVIEW = "the gate does not look at reviews"
    EARLY_COMPLETED = "completed without asking for the criteria"
    SEALED_UNSEEN = "what serves is not observed at the moment of sealing"
    NO_FENCE = "an intent is written without a look at the lease's epoch"
    MERGE_UNFENCED = "the last act before the merge looks neither at lease nor lane"
    MOVE_UNFENCED = "a step of the lifecycle is taken without a look at the lease's epoch"
    RESUMER_UNFENCED = "the resumer moves what somebody has begun to work on since it looked"
    NO_LEASE = "a change's lease is given to everybody"
    NO_LANE = "everybody is let into the lane"
    NO_LANE_EPOCH = "the last act before a start looks neither at lease nor lane"
    LANE_NOT_RAISED = "restoring keeps the lane's epoch, and the last act before a start looks at nothing else"
    LANE_LEFT_EARLY = "the lane is left with the merge"
    REVERT_QUEUES = "a revert waits behind the attempt that it takes back"
    EFFECT_BEFORE_INTENT = "the merge comes before its intent"
    CANCEL_AFTER_INTENT = "a stop is heeded after the merge intent"
    SETTLED_UNSEEN = "an open intent is settled as failed without a look at the world"
    NO_COMPARE_AND_SET = "a step of the lifecycle is taken from whatever state there is"
    NOT_RESTORED = "nothing is restored before the revert"
    REVERT_UNVERIFIED = "a revert that was merged counts as done"
    RUN_NEVER_FAILED = "the run of a process that is gone is never reported as failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """How far the model goes. `start`: the state that changes begin in, with an open pull request from awaiting_ci on."""

    name: str
    changes: int
    engines: int
    left: Left
    start: State = State.AWAITING_CI
    attempts: int = 1
    infrastructure: int = 2


@dataclass(kw_only=True, slots=True)
class Model:
    bound: Bound
    defect: Defect | None = None
    cover: set[tuple[str, ...]] = field(default_factory=set)

    def has(self, *defects: Defect) -> bool:
        return self.defect in defects


class Violation(Exception):
    """A claim does not hold in what just happened."""


def first(bound: Bound) -> World:
    rows = []
    for change in range(bound.changes):
        row = Row(state=bound.start)
        if bound.start is State.AWAITING_CI:
            head = f"h{change}.0.0@0"
            row = row._replace(head=head, tested=head, snapshot=head, pull=Pull(head=head))
        rows.append(Change(rows=(row,)))
    return World(tuple(rows), (None,) * bound.engines, Lane(), (), FIRST_LIVE, (), (), -1, bound.left)


def latest(change: Change) -> int:
    """As `runs.latest` has it: a revert that has ended yields to the one that it took back."""
    last = len(change.rows) - 1
    row = change.rows[last]
    ended = row.kind is Kind.REVERT and row.state in {State.COMPLETED, State.CANCELLED, State.SUPERSEDED}
    return last - 1 if ended and change.rows[last - 1].state is not State.COMPLETED else last


def onto(head: str) -> int:
    return int(head.rpartition("@")[2])


def put(w: World, change: int, row: int, **fields: object) -> World:
    c = w.changes[change]
    rows = list(c.rows)
    rows[row] = rows[row]._replace(**fields)
    return change_with(w, change, rows=tuple(rows))


def change_with(w: World, change: int, **fields: object) -> World:
    changes = list(w.changes)
    changes[change] = changes[change]._replace(**fields)
    return w._replace(changes=tuple(changes))


def engine_with(w: World, i: int, **fields: object) -> World:
    engines = list(w.engines)
    engine = engines[i]
    assert engine is not None
    engines[i] = engine._replace(**fields)
    return w._replace(engines=tuple(engines))


def spend(w: World, **fields: int) -> World:
    return w._replace(left=w.left._replace(**{name: getattr(w.left, name) - n for name, n in fields.items()}))
