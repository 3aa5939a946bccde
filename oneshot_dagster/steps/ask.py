"""A person's word to a change: recorded for the resumer and the running step, which alone act on it.
What can have no effect is refused here, with the reason."""

from dataclasses import dataclass

from oneshot_dagster.domain.attempt import Attempt, Request
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.domain.requests import ENDED, TOO_LATE
from oneshot_dagster.domain.run import BEFORE_MERGE, STOPPED, Kind, State
from oneshot_dagster.steps.lease import lease_name, lives
from oneshot_dagster.steps.revert_start import start_revert
from oneshot_dagster.steps.services import Services

_NEXT = {
    "stop": "the attempt is cancelled and nothing is merged",
    "hold": "it does not merge until `oneshot resume` takes the hold away",
    "resume": "it goes on from where it stands",
    "retry": "it tries again from where it stopped",
    "approve": "what needed the approval is judged again",
    "answer": "the text goes into the next prompt and it goes on",
    "rollback": "what was verified last serves again, and a revert takes it out of the base",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """`repeated`: the same was asked before and is still open; nothing was added. `working`: a run is at it now."""

    request: Request
    repeated: bool
    working: bool
    next: str


def ask(
    services: Services, attempt: Attempt, kind: str, *, by: str, text: str = "", source: str | None = None
) -> Asked:
    """An approval is bound to the head on record now. Raises BadInput where the request could change nothing.

    `source`: where it was read; read there again, it is the same request.
    """
    waiting = services.store.requests.open(attempt.id)
    wrong = _in_vain(attempt, kind, on_hold=any(request.kind == "hold" for request in waiting), text=text)
    if wrong is not None:
        found, do = wrong
        if kind == "stop" and do == TOO_LATE:  # it ends nothing now, and begins nothing later
            late = services.store.requests.add(attempt.id, kind=kind, by=by, text=text, source=source)
            services.store.requests.handle(late.id)
        raise BadInput(tried=f"{kind} {attempt.key}", found=found, do=do)
    sha = attempt.head_sha if kind == "approve" else None
    if kind == "rollback" and attempt.state is State.COMPLETED:
        return _take_back(services, attempt, by=by, source=source)
    same = [r for r in waiting if (r.kind, r.sha, r.text) == (kind, sha, text)]
    add = services.store.requests.add
    request = same[0] if same else add(attempt.id, kind=kind, by=by, sha=sha, text=text, source=source)
    services.store.wake(attempt.key)
    working = lives(services.store.leases.current(lease_name(attempt.key)))
    return Asked(request=request, repeated=bool(same), working=working, next=_next(attempt, kind))


def _take_back(services: Services, attempt: Attempt, *, by: str, source: str | None) -> Asked:
    """A completed attempt stays completed: the attempt that takes it back is how the change ends."""
    request = services.store.requests.add(attempt.id, kind="rollback", by=by, source=source)
    revert = start_revert(services, attempt, reason=f"{by} asked to take it back", cause="a request")
    services.store.requests.handle(request.id)
    services.store.wake(attempt.key)
    working = lives(services.store.leases.current(lease_name(attempt.key)))
    return Asked(request=request, repeated=False, working=working, next=f"attempt {revert.number} takes it back")


def _next(attempt: Attempt, kind: str) -> str:
    if kind == "approve" and attempt.state is not State.NEEDS_HUMAN:
        return "it counts when the change is judged at this commit"
    return _NEXT[kind]


def _in_vain(attempt: Attempt, kind: str, *, on_hold: bool, text: str) -> tuple[str, str] | None:
    """What was found and what to do instead, where nothing would come of it."""
    state = attempt.state
    if kind == "rollback":
        return _nothing_to_take_back(attempt)
    if state in ENDED:
        do = "there is nothing to do" if state is State.COMPLETED else f"`oneshot run {attempt.key}` starts it again"
        return f"attempt {attempt.number} {state}", do
    if kind in {"stop", "hold"}:
        return _too_late(attempt)
    if kind == "approve":
        return _nothing_to_approve(attempt)
    if kind == "answer" and not text.strip():
        return "no text", "give it after the key"
    if state is State.NEEDS_HUMAN or (kind == "resume" and on_hold):
        return None
    return f"attempt {attempt.number} in {state}, which waits for nobody's word", "let it go on by itself"


def _nothing_to_take_back(attempt: Attempt) -> tuple[str, str] | None:
    if attempt.kind is Kind.REVERT:
        return f"attempt {attempt.number}, which takes the change back", "let it go on"
    if attempt.merge_sha is None:
        return "nothing of it merged", f"`oneshot stop {attempt.key}` ends it"
    stands = attempt.human_from if attempt.state is State.NEEDS_HUMAN else attempt.state
    if stands in {State.COMPLETED, State.MERGED, State.DEPLOYING, State.VERIFYING}:
        return None
    return f"attempt {attempt.number}, which is taken back", "there is nothing to do"


def _too_late(attempt: Attempt) -> tuple[str, str] | None:
    stands = attempt.human_from if attempt.state is State.NEEDS_HUMAN else attempt.state
    stopped = stands in STOPPED or stands in {None, State.ROLLED_BACK}
    if attempt.kind is not Kind.REVERT and (stopped or (stands in BEFORE_MERGE and attempt.merge_sha is None)):
        return None
    return f"attempt {attempt.number} in {attempt.state}", TOO_LATE


def _nothing_to_approve(attempt: Attempt) -> tuple[str, str] | None:
    if attempt.head_sha is None:
        return "no commit yet", "wait for its pull request"
    if attempt.merge_sha is not None:
        return f"it merged as {attempt.merge_sha[:7]}", "there is nothing left to approve"
    return None
