"""The resumer's sensor: every few seconds it asks steps.resume what each unfinished change needs, and does that."""

import dagster as dg

from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.orchestration.jobs import NAME
from oneshot_dagster.orchestration.launcher import InstanceLauncher
from oneshot_dagster.orchestration.step_asset import OpenServices
from oneshot_dagster.settings import load
from oneshot_dagster.steps.freezing import standing
from oneshot_dagster.steps.resume import continue_changes


def change_continue(open_services: OpenServices) -> dg.SensorDefinition:
    @dg.sensor(
        name="change_continue",
        job_name=NAME,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Continues changes that are parked, crashed, never started, or need another attempt.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Runs are started under the id of their launch row, which a run request cannot carry: so it always skips, and says what it did."""
        if context.repository_def is None:
            return dg.SkipReason("this tick knows no repository of definitions")
        try:
            job = context.repository_def.get_job(NAME)
            services = open_services()
            said = continue_changes(services, InstanceLauncher(context.instance, job, port=load().ports.code_server))
            said = [*standing(services), *said]
        except OneshotError as error:
            return dg.SkipReason(f"could not look at the changes: {error}")
        return dg.SkipReason("; ".join(said) or "no change needs anything")

    return sensor
