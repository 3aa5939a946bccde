"""Reminds the people for whom a parked change waits: one comment on its pull request, once a wait."""

import contextlib
from datetime import datetime, timedelta

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.budget import Budgets
from oneshot_dagster.domain.errors import LeaseLost
from oneshot_dagster.domain.policy import budgets, parse_policy
from oneshot_dagster.domain.reminder import reminder, reminder_due
from oneshot_dagster.steps import effects
from oneshot_dagster.steps.lease import held
from oneshot_dagster.steps.probes import Action
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.telling import UNHEARD
from oneshot_dagster.steps.turn import Turn

_WHO = "reminder"
_AGAIN = timedelta(minutes=5)  # after what kept it from being said


def remind(services: Services, attempt: Attempt) -> datetime | None:
    """When to look at this again, None where nothing more is to be said of this wait."""
    policy = parse_policy(attempt.policy)
    allowed: Budgets = budgets(policy, services.limits.caps)
    due, now = reminder_due(attempt, allowed.review_reminder), services.store.now()
    if due is None or attempt.awaited is None or now < due:
        return due
    purpose = f"reminder-{attempt.number}-{attempt.awaited.since:%Y%m%d%H%M%S}"
    if _is_said(services, attempt, purpose):
        return None
    with (
        contextlib.suppress(LeaseLost, *UNHEARD),
        held(services.store, attempt.key, _WHO, seconds=services.limits.lease_seconds) as holding,
    ):
        turn = Turn(
            services,
            artifact=Artifact.CHECK_STATE,
            attempt=attempt,
            held=holding,
            run_id=_WHO,
            say=lambda _: None,
            others_wait=lambda: False,
        )
        effects.comment(
            turn, number=attempt.pr_number or 0, purpose=purpose, body=reminder(attempt, policy.gate.reviewers)
        )
        return None
    return now + _AGAIN


def _is_said(services: Services, attempt: Attempt, purpose: str) -> bool:
    writes = services.store.writes.of(attempt.key)
    return any(w.action == Action.COMMENT and w.payload.get("purpose") == purpose and w.outcome for w in writes)
