"""The reconciler's sensor: glances at the waiting changes on a small budget, with webhooks or without."""

import dagster as dg

from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.orchestration.jobs import NAME
from oneshot_dagster.orchestration.step_asset import OpenServices
from oneshot_dagster.steps.reconcile import reconcile


def github_reconcile(open_services: OpenServices) -> dg.SensorDefinition:
    @dg.sensor(
        name="github_reconcile",
        job_name=NAME,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Glances at changes that wait for GitHub, and wakes those that show something new.",
    )
    def sensor() -> dg.SkipReason:
        """It starts nothing: whom it wakes the resumer looks at."""
        try:
            found = reconcile(open_services())
        except OneshotError as error:
            return dg.SkipReason(f"could not glance at the changes: {error}")
        if not found.at:
            return dg.SkipReason("no change waits for GitHub, or all were glanced at just now")
        woken = ", ".join(map(str, found.new)) or "none"
        return dg.SkipReason(f"glanced at {found.at} waiting changes; with something new: {woken}")

    return sensor
