"""Taking a turn: the frame around every step. Guards, lease, people's stops, the record, and the last move.
An asset calls this and nothing else."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from oneshot_dagster.domain.artifact import Artifact, NotMyTurn, Record
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import LeaseLost, NeedsHuman, StaleState, TryAgain
from oneshot_dagster.domain.run import BEFORE_MERGE, HEAD_IS_PUBLIC, STOPPED, Kind, Part, State, part
from oneshot_dagster.steps import lane
from oneshot_dagster.steps.check_state import check_state
from oneshot_dagster.steps.deployment import deployment
from oneshot_dagster.steps.evaluation import evaluation
from oneshot_dagster.steps.evidence import evidence
from oneshot_dagster.steps.faults import note_fault
from oneshot_dagster.steps.file_snapshot import file_snapshot
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.lease import held
from oneshot_dagster.steps.local_test_report import local_test_report
from oneshot_dagster.steps.merge import deny, merge
from oneshot_dagster.steps.on_record import shown_again
from oneshot_dagster.steps.patch import patch
from oneshot_dagster.steps.probes import Action
from oneshot_dagster.steps.pull_request import pull_request
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.telling import UNHEARD, tell
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.verification_report import verification_report
from oneshot_dagster.steps.worktree import worktree

Step = Callable[[Turn], Record | NotMyTurn]

STEPS: Mapping[Artifact, Step] = {
    Artifact.WORKTREE: worktree,
    Artifact.PATCH: patch,
    Artifact.LOCAL_TEST_REPORT: local_test_report,
    Artifact.PULL_REQUEST: pull_request,
    Artifact.FILE_SNAPSHOT: file_snapshot,
    Artifact.CHECK_STATE: check_state,
    Artifact.EVALUATION: evaluation,
    Artifact.MERGE: merge,
    Artifact.DEPLOYMENT: deployment,
    Artifact.VERIFICATION_REPORT: verification_report,
    Artifact.EVIDENCE: evidence,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who takes the turn: the Dagster run, how it tells people (`alarm`: as an error), what it was launched with."""

    run_id: str
    say: Callable[[str], None]
    others_wait: Callable[[], bool]
    alarm: Callable[[str], None] | None = None
    base: str | None = None
    prompt: str = ""
    triggered_by: str = "a launch by hand"


@contextmanager
def taken(
    services: Services, artifact: Artifact, key: ChangeKey, caller: Caller
) -> Generator[Record | NotMyTurn, None, None]:
    """Yields what the step left; once the caller has shown it, the step's last move is made.

    Raises BadInput (refused, nothing done), TryAgain and LeaseLost (the resumer goes on).
    """
    if services.store.runs.latest(key) is None and artifact is not Artifact.WORKTREE:
        yield NotMyTurn(artifact=artifact, reason=f"{key} was never taken in; launch the whole one_shot job")
        return
    try:
        with held(services.store, key, caller.run_id, seconds=services.limits.lease_seconds) as holding:
            attempt = _attempt(services, artifact, key, caller)
            turn = Turn(
                services,
                artifact=artifact,
                attempt=attempt,
                held=holding,
                run_id=caller.run_id,
                say=caller.say,
                others_wait=caller.others_wait,
                alarm=caller.alarm,
            )
            _note_launch(turn)
            try:
                yield from _play(turn)
            except TryAgain as error:
                note_fault(services, attempt, error)
                raise
    except StaleState as error:
        raise LeaseLost(str(error)) from error


def _attempt(services: Services, artifact: Artifact, key: ChangeKey, caller: Caller) -> Attempt:
    if artifact is Artifact.WORKTREE:
        return take_in(services, key, base=caller.base, prompt=caller.prompt, by=caller.triggered_by)
    launch = services.store.launches.by_run(caller.run_id) if artifact is Artifact.EVIDENCE else None
    launched = services.store.runs.by_id(launch.attempt_id) if launch is not None else None
    if launched is not None and launched.state in STOPPED and launched.evidence_head is None:
        return launched  # that another stands for the change by now leaves its evidence to be sealed
    attempt = services.store.runs.latest(key)
    assert attempt is not None  # noqa: S101  # rows are never removed under a lease
    return attempt


def _play(turn: Turn) -> Generator[Record | NotMyTurn, None, None]:
    if cancel_where_asked(turn):
        yield NotMyTurn(artifact=turn.artifact, reason=turn.attempt.reason)
        return
    began, stood = turn.services.clock.monotonic(), turn.attempt.state
    outcome = _do(turn)
    if isinstance(outcome, Record):
        seconds = turn.services.clock.monotonic() - began
        outcome = replace(outcome, shown=_always(turn, seconds) | dict(outcome.shown))
        turn.store.artifacts.record(
            turn.attempt.id, outcome, sha=turn.head_sha, dagster_run_id=turn.run_id, seconds=seconds
        )
    yield outcome
    turn.commit()
    if turn.attempt.state is State.COMPLETED:  # not before: until then what serves has to be this revision
        lane.leave(turn)
    cancel_where_asked(turn)
    if turn.attempt.state not in {stood, State.COMPLETED}:  # that it is completed was told before it was
        tell(turn, turn.attempt, forgiven=UNHEARD)


def _do(turn: Turn) -> Record | NotMyTurn:
    attempt, artifact = turn.attempt, turn.artifact
    match part(artifact, attempt.state, attempt.kind):
        case Part.REFUSES:
            if artifact is Artifact.MERGE:
                deny(turn)
            return NotMyTurn(artifact=artifact, reason=_refusal(attempt))
        case Part.SHOWS:
            return shown_again(turn)
        case Part.ACTS:
            pass
    turn.say(f"{artifact} of {attempt.key}, attempt {attempt.number} ({attempt.state})")
    try:
        return STEPS[artifact](turn)
    except NeedsHuman as error:
        turn.forget_next()
        if turn.attempt.state in STOPPED:  # a person is asked already, or nobody can do anything: sealed later
            return NotMyTurn(artifact=artifact, reason=str(error))
        turn.move(State.NEEDS_HUMAN, str(error), human_from=turn.attempt.state, human_reason=error.reason)
        return NotMyTurn(artifact=artifact, reason=str(error))


def cancel_where_asked(turn: Turn) -> bool:
    """A stop before the merge ends the attempt here; an open intent is settled by the resumer first.
    A merge that was done, and not yet written down as such, is past stopping."""
    if turn.held.lost or turn.attempt.state not in BEFORE_MERGE or turn.attempt.kind is Kind.REVERT:
        return False
    asked = [r for r in turn.store.requests.open(turn.attempt.id) if r.kind == "stop"]
    if not asked:
        return False
    writes = [w for w in turn.store.writes.of(turn.attempt.key) if w.attempt_id == turn.attempt.id]
    if any(w.outcome is None or (w.action == Action.MERGE and w.outcome == "done") for w in writes):
        return False
    if _merged_by_a_person(turn):
        return False
    turn.move(State.CANCELLED, f"stopped by {asked[0].by}", awaited=None)
    for request in asked:
        turn.store.requests.handle(request.id)
    return True


def _merged_by_a_person(turn: Turn) -> bool:
    attempt = turn.attempt
    if attempt.state not in HEAD_IS_PUBLIC or attempt.pr_number is None:
        return False
    pull = turn.services.github.pull(attempt.key.repository, attempt.pr_number)
    return pull is not None and pull.merged


def _note_launch(turn: Turn) -> None:
    """A run started by hand becomes a launch on record, so that the resumer knows of it."""
    launches = turn.store.launches
    if launches.by_run(turn.run_id) is None:
        seq = max((launch.seq for launch in launches.of(turn.attempt.id)), default=0) + 1
        launches.add(
            turn.attempt.id,
            seq=seq,
            selection=(turn.artifact,),
            reason="launched by hand",
            costs_retry=False,
            dagster_run_id=turn.run_id,
        )


def _refusal(attempt: Attempt) -> str:
    if attempt.state is State.COMPLETED:
        return f"{attempt.key} is completed; there is nothing to do"
    if attempt.state is State.NEEDS_ITERATION:
        return f"attempt {attempt.number} needs another iteration; the resumer starts it"
    if attempt.state in STOPPED:
        return f"{attempt.key} is {attempt.state}: {attempt.reason}"
    return f"it is not its turn: {attempt.key} is {attempt.state}"


def _always(turn: Turn, seconds: float) -> dict[str, str | int | float | bool | None]:
    return {
        "change": str(turn.attempt.key),
        "attempt": turn.attempt.number,
        "mode": turn.attempt.mode.value,
        "seconds": round(seconds, 3),
    }
