"""The lifecycle of an attempt: its states, the allowed steps between them, and which artifacts a continuation runs.
Who starts a continuation, and when, is resume.py."""

from enum import StrEnum

from oneshot_dagster.domain.artifact import Artifact


class State(StrEnum):
    QUEUED = "queued"
    WORKTREE_READY = "worktree_ready"
    IMPLEMENTING = "implementing"
    TESTING = "testing"
    PR_READY = "pr_ready"
    AWAITING_CI = "awaiting_ci"
    JUDGING = "judging"
    MERGE_READY = "merge_ready"
    MERGED = "merged"
    DEPLOYING = "deploying"
    VERIFYING = "verifying"
    COMPLETED = "completed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    NEEDS_ITERATION = "needs_iteration"
    NEEDS_HUMAN = "needs_human"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class Kind(StrEnum):
    IMPLEMENT = "implement"
    REVERT = "revert"


class Mode(StrEnum):
    """How far a repository trusts us, from least to most."""

    OBSERVE = "observe"
    PROPOSE = "propose"
    MERGE = "merge"


OBSERVE_ONLY = "observe_only"  # the reason code of an attempt that got as far as it may without writing anything

S = State
_FORWARD: dict[State, frozenset[State]] = {
    S.QUEUED: frozenset({S.WORKTREE_READY}),
    S.WORKTREE_READY: frozenset({S.IMPLEMENTING}),
    S.IMPLEMENTING: frozenset({S.TESTING, S.NEEDS_ITERATION}),
    S.TESTING: frozenset({S.PR_READY}),
    S.PR_READY: frozenset({S.AWAITING_CI}),
    S.AWAITING_CI: frozenset({S.JUDGING, S.IMPLEMENTING, S.NEEDS_ITERATION}),
    S.JUDGING: frozenset({S.MERGE_READY, S.AWAITING_CI, S.NEEDS_ITERATION}),
    S.MERGE_READY: frozenset({S.MERGED, S.AWAITING_CI}),
    S.MERGED: frozenset({S.DEPLOYING}),
    S.DEPLOYING: frozenset({S.VERIFYING, S.ROLLING_BACK}),
    S.VERIFYING: frozenset({S.COMPLETED, S.ROLLING_BACK}),
    S.ROLLING_BACK: frozenset({S.ROLLED_BACK}),
    S.ROLLED_BACK: frozenset({S.NEEDS_ITERATION}),
}

LIVE = frozenset(_FORWARD)  # an attempt in one of these is being worked on or waits for the outside world
STOPPED = frozenset({S.NEEDS_ITERATION, S.NEEDS_HUMAN, S.CANCELLED, S.SUPERSEDED, S.COMPLETED})
BEFORE_MERGE = frozenset(
    {S.QUEUED, S.WORKTREE_READY, S.IMPLEMENTING, S.TESTING, S.PR_READY, S.AWAITING_CI, S.JUDGING, S.MERGE_READY}
)
_UNPROPOSED = frozenset({S.QUEUED, S.WORKTREE_READY, S.IMPLEMENTING, S.TESTING})
HEAD_IS_PUBLIC = frozenset({S.AWAITING_CI, S.JUDGING, S.MERGE_READY})


def allowed(source: State, target: State) -> bool:
    """Whether the lifecycle allows this step. From needs_human back is `resumed`'s to decide, not a free choice."""
    if target is S.NEEDS_HUMAN:
        return source is not S.COMPLETED and source is not S.NEEDS_HUMAN
    if target in {S.CANCELLED, S.SUPERSEDED}:
        return source in BEFORE_MERGE or source is S.NEEDS_HUMAN
    if source is S.NEEDS_HUMAN:
        return target in LIVE or target is S.NEEDS_ITERATION
    return target in _FORWARD.get(source, frozenset())


_FIRST: dict[State, Artifact] = {
    S.QUEUED: Artifact.WORKTREE,
    S.WORKTREE_READY: Artifact.PATCH,
    S.IMPLEMENTING: Artifact.PATCH,
    S.TESTING: Artifact.LOCAL_TEST_REPORT,
    S.PR_READY: Artifact.PULL_REQUEST,
    S.AWAITING_CI: Artifact.CHECK_STATE,
    S.JUDGING: Artifact.EVALUATION,
    S.MERGE_READY: Artifact.MERGE,
    S.MERGED: Artifact.DEPLOYMENT,
    S.DEPLOYING: Artifact.DEPLOYMENT,
    S.VERIFYING: Artifact.VERIFICATION_REPORT,
}


def selection(state: State, *, head_moved: bool, kind: Kind = Kind.IMPLEMENT) -> tuple[Artifact, ...]:
    """The artifacts that a continuation runs from a state: the only chooser of them.

    `head_moved`: somebody pushed, or the branch is to be brought up to date: everything said about the old head is void.
    A stopped state has evidence alone.
    A revert starts at its pull request: git makes it, no agent does.
    """
    if state in STOPPED:
        return (Artifact.EVIDENCE,)
    order = tuple(Artifact)
    if head_moved and state in HEAD_IS_PUBLIC:
        tests, snapshot = order.index(Artifact.LOCAL_TEST_REPORT), order.index(Artifact.FILE_SNAPSHOT)
        return (order[tests], *order[snapshot:])
    first = _first(state, kind)
    return order[order.index(first) :] if first else ()


def _first(state: State, kind: Kind) -> Artifact | None:
    return Artifact.PULL_REQUEST if kind is Kind.REVERT and state in _UNPROPOSED else _FIRST.get(state)


class Part(StrEnum):
    """What an artifact's step does when it is launched in a state (the table in ARCHITECTURE)."""

    ACTS = "acts"
    SHOWS = "re-records"
    REFUSES = "refuses"


_ACTS: dict[Artifact, frozenset[State]] = {
    Artifact.WORKTREE: BEFORE_MERGE,
    Artifact.PATCH: frozenset({S.WORKTREE_READY, S.IMPLEMENTING}),
    Artifact.LOCAL_TEST_REPORT: frozenset({S.IMPLEMENTING, S.TESTING}) | HEAD_IS_PUBLIC,
    Artifact.PULL_REQUEST: frozenset({S.PR_READY}),
    Artifact.FILE_SNAPSHOT: frozenset({S.PR_READY}) | HEAD_IS_PUBLIC,
    Artifact.CHECK_STATE: frozenset({S.AWAITING_CI}),
    Artifact.EVALUATION: frozenset({S.JUDGING}),
    Artifact.MERGE: frozenset({S.MERGE_READY}),
    Artifact.DEPLOYMENT: frozenset({S.MERGED, S.DEPLOYING}),
    Artifact.VERIFICATION_REPORT: frozenset({S.VERIFYING}),
    Artifact.EVIDENCE: frozenset({S.VERIFYING}) | STOPPED,
}


def part(artifact: Artifact, state: State, kind: Kind = Kind.IMPLEMENT) -> Part:
    """A step whose turn is over shows its record again; one whose turn has not come refuses.

    Of a revert, what an agent would do refuses, and its pull request acts from the beginning.
    """
    if kind is Kind.REVERT and artifact in {Artifact.WORKTREE, Artifact.PATCH}:
        return Part.REFUSES
    if kind is Kind.REVERT and artifact is Artifact.PULL_REQUEST and state in _UNPROPOSED:
        return Part.ACTS
    if state in _ACTS[artifact]:
        return Part.ACTS
    if state in STOPPED:
        return Part.REFUSES
    order = tuple(Artifact)
    current = _first(state, kind)
    passed = current is None or order.index(artifact) < order.index(current)
    return Part.SHOWS if passed else Part.REFUSES


def required(kind: Kind) -> tuple[Artifact, ...]:
    """The artifacts that an attempt leaves before its evidence."""
    order = tuple(Artifact)
    first = Artifact.PULL_REQUEST if kind is Kind.REVERT else Artifact.WORKTREE
    return order[order.index(first) : order.index(Artifact.EVIDENCE)]
