"""What the resumer has to know of one change, read freshly: its runs, lease, requests, intents and, parked, GitHub's truth."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from oneshot_dagster.domain.attempt import Attempt, Launch, WriteAction
from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.domain.freeze import frozen_for
from oneshot_dagster.domain.gate import GateFacts
from oneshot_dagster.domain.policy import budgets, parse_policy
from oneshot_dagster.domain.requests import stopped_by
from oneshot_dagster.domain.resume import LEASE_SILENCE
from oneshot_dagster.domain.resume_facts import Awaiting, ResumeFacts, RunState
from oneshot_dagster.domain.rollback import goes_on_after, revert_of
from oneshot_dagster.domain.run import HEAD_IS_PUBLIC, Kind, State
from oneshot_dagster.services.launcher.protocol import RunView
from oneshot_dagster.services.store.protocol import Lease
from oneshot_dagster.steps.faults import fault_since, not_before, note_fault
from oneshot_dagster.steps.gate import gate_at
from oneshot_dagster.steps.holds import holds
from oneshot_dagster.steps.lane import take_place
from oneshot_dagster.steps.lease import holder_is_gone, lease_name, lives
from oneshot_dagster.steps.probes import PROBES, UNDERWAY, Action
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.target import target
from oneshot_dagster.steps.up_to_date import may_catch_up

_MAY_HAVE_A_REVERT = frozenset({State.ROLLING_BACK, State.COMPLETED})


def read_facts(
    services: Services, attempt: Attempt, launches: Sequence[Launch], views: Mapping[str, RunView]
) -> ResumeFacts:
    store = services.store
    lease = store.leases.current(lease_name(attempt.key))
    view = views.get(launches[-1].dagster_run_id) if launches else None
    asked = store.requests.open(attempt.id)
    if view is not None and not view.over and not asked:
        return _of_one_at_work(services, launches, views, lease)
    writes = [w for w in store.writes.of(attempt.key) if w.attempt_id == attempt.id]
    pull, unreadable = _pull(services, attempt, launches, views)
    attempts = store.runs.all_of(attempt.key)
    policy = parse_policy(attempt.policy)
    last = launches[-1] if launches else None
    lane_free = _lane_free(services, attempt)
    held_by = holds(services, attempt, pull) if pull is not None else None
    return ResumeFacts(
        launches=tuple(launches),
        last_run=_run_state(last, views),
        last_run_moved=_moved(services, attempt, last),
        lease_live=lives(lease),
        lease_expired_for=_expired_for(services, lease),
        lease_epoch=lease.epoch if lease else 0,
        requests=asked if unreadable is None else (),
        gate=gate_at(services, attempt, pull) if pull and not pull.merged else None,
        merged_outside=pull is not None and pull.merged,
        head_moved=pull is not None and pull.open and pull.head_sha != attempt.head_sha,
        lane_free=lane_free,
        catches_up=lane_free and pull is not None and may_catch_up(services, attempt, pull),
        merge_free=pull is not None and held_by is None,
        held_by=held_by,
        frozen_for=_frozen_for(services, attempt),
        deployment_news=_deployment_news(services, attempt, policy.deploy.kind, last, views),
        landing=_landing(services, attempt, writes),
        open_intent=any(w.outcome is None for w in writes),
        merge_intended=_merge_intended(attempt, writes) or (pull is not None and pull.merged),
        evidence_sealed=attempt.evidence_head is not None,
        attempts_made=sum(a.kind is Kind.IMPLEMENT for a in attempts),
        attempts_allowed=budgets(policy, services.limits.caps).attempts + _retried(services, attempts),
        infrastructure_allowed=services.limits.caps.infrastructure,
        revert=revert_of(attempt, attempts) if attempt.state in _MAY_HAVE_A_REVERT else None,
        stopped_by=_stopped_by(services, attempt, attempts),
        goes_on=attempt.state is State.ROLLED_BACK and goes_on_after(store.artifacts.evaluations(attempt.id)),
        not_before=not_before(services, attempt),
        unreadable=unreadable,
        fault=fault_since(services, attempt, last),
    )


def _of_one_at_work(
    services: Services, launches: Sequence[Launch], views: Mapping[str, RunView], lease: Lease | None
) -> ResumeFacts:
    """While its run is alive and nobody asks for anything, nothing else is decided by."""
    return ResumeFacts(
        launches=tuple(launches),
        last_run=_run_state(launches[-1], views),
        lease_live=lives(lease),
        lease_expired_for=_expired_for(services, lease),
        lease_epoch=lease.epoch if lease else 0,
    )


def _stopped_by(services: Services, attempt: Attempt, attempts: Sequence[Attempt]) -> str | None:
    """Asked of the attempt, or of the one that took it back and stood for the change meanwhile."""
    revert = revert_of(attempt, attempts) if attempt.state is State.ROLLED_BACK else None
    if revert is None:
        return None
    asked = [request for a in (attempt, revert) for request in services.store.requests.of(a.id)]
    return stopped_by(sorted(asked, key=lambda request: request.id))


def _run_state(last: Launch | None, views: Mapping[str, RunView]) -> RunState | None:
    if last is None:
        return None
    view = views.get(last.dagster_run_id)
    if view is None:
        return RunState(run_id=last.dagster_run_id, status="unknown")
    return RunState(run_id=view.run_id, status=view.status, started_at=view.started_at)


def _moved(services: Services, attempt: Attempt, last: Launch | None) -> bool:
    return last is not None and any(
        last.dagster_run_id in step.cause for step in services.store.runs.transitions(attempt.id)
    )


def _expired_for(services: Services, lease: Lease | None) -> float | None:
    """A holder that is known to be gone counts as silent for long enough."""
    if lease is None:
        return None
    if holder_is_gone(lease):
        return LEASE_SILENCE
    return max(0.0, (services.store.now() - lease.expires_at).total_seconds()) if lease.expired else None


def _pull(
    services: Services, attempt: Attempt, launches: Sequence[Launch], views: Mapping[str, RunView]
) -> tuple[GateFacts | None, str | None]:
    """GitHub is asked only for what waits for it: a public head, parked or left by a run that is over.
    Or why it could not be read: while it asked us to wait, it is not asked."""
    if attempt.state not in HEAD_IS_PUBLIC or attempt.pr_number is None or not launches:
        return None, None
    view = views.get(launches[-1].dagster_run_id)
    if view is None or not view.over:
        return None, None
    pause = not_before(services, attempt)
    if pause is not None and services.store.now() < pause:
        return None, f"GitHub asked us to wait until {pause:%H:%M:%S}"
    try:
        facts = services.github.gate_facts(attempt.key.repository, attempt.pr_number)
    except TryAgain as error:
        note_fault(services, attempt, error, again=False)
        return None, str(error)
    services.store.projections.save_pull(attempt.key.repository, facts)
    return facts, None


def _lane_free(services: Services, attempt: Attempt) -> bool:
    if attempt.awaited is None or attempt.awaited.what != Awaiting.LANE:
        return False
    return take_place(services.store, attempt).lease is not None


def _frozen_for(services: Services, attempt: Attempt) -> timedelta:
    """Freezes hold merges; only what stops a lane keeps it from who waits for it."""
    awaited = attempt.awaited
    if awaited is None or awaited.what not in {Awaiting.MERGE, Awaiting.LANE}:
        return timedelta(0)
    lane = awaited.what == Awaiting.LANE or attempt.kind is Kind.REVERT
    spans = services.store.freezes.spans(attempt.key.repository, since=awaited.since, lane=lane)
    return frozen_for(spans, since=awaited.since, now=services.store.now())


def _landing(services: Services, attempt: Attempt, writes: Sequence[WriteAction]) -> bool:
    if attempt.awaited is None or attempt.awaited.what != Awaiting.LANDING:
        return False
    asked = [w for w in writes if w.action == Action.MERGE and w.outcome is None]
    try:
        found = PROBES[Action.MERGE](services, attempt, asked[-1].payload) if asked else None
    except TryAgain:
        return True  # as far as is known
    return found is not None and bool(found.get(UNDERWAY))


def _deployment_news(
    services: Services, attempt: Attempt, kind: str, last: Launch | None, views: Mapping[str, RunView]
) -> str | None:
    """A look that costs no run; whether it is so is looked at again by the one that it starts."""
    view = views.get(last.dagster_run_id) if last else None
    parked = attempt.awaited is not None and attempt.awaited.what == Awaiting.DEPLOYMENT
    deploy = services.deploys.get(kind)
    if not parked or deploy is None or view is None or not view.over:
        return None
    aim, sha = target(services, attempt), attempt.merge_sha or ""
    seen = deploy.observe(aim)
    if deploy.ready(aim, seen, sha=sha):
        return "the deployment is ready"
    return "the deployment failed" if deploy.failed(aim, seen, sha=sha) else None


def _merge_intended(attempt: Attempt, writes: Sequence[WriteAction]) -> bool:
    return attempt.merge_sha is not None or any(
        w.action == Action.MERGE and w.outcome in {None, "done"} for w in writes
    )


def _retried(services: Services, attempts: Sequence[Attempt]) -> int:
    """Each time a person let a spent change try again allows one attempt more."""
    return sum(
        step.source is State.NEEDS_HUMAN and step.target is State.NEEDS_ITERATION
        for attempt in attempts
        for step in services.store.runs.transitions(attempt.id)
    )
