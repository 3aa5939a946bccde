"""The start of an attempt that takes a merged one back: its row, once, however many ask for it. Its commit is reverting.py."""

from dataclasses import replace

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.rollback import branch
from oneshot_dagster.domain.run import Kind
from oneshot_dagster.steps.services import Services


def start_revert(services: Services, broken: Attempt, *, reason: str, cause: str) -> Attempt:
    """The one that is live where there is one."""
    runs, merged = services.store.runs, broken.merge_sha or ""
    revert = runs.create(
        broken.key,
        number=runs.all_of(broken.key)[-1].number + 1,
        kind=Kind.REVERT,
        mode=broken.mode,
        inputs=replace(broken.inputs, head=branch(merged)),
        policy=broken.policy,
        cause=f"{cause}: {reason}",
    )
    services.store.facts.append(
        broken.id, source="engine", kind="revert_started", sha=merged, data={"attempt": revert.number, "reason": reason}
    )
    return revert
