"""The intake's sensor: looks for labels and comments that ask something of us, where a webhook told of none."""

import dagster as dg

from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.orchestration.jobs import NAME
from oneshot_dagster.orchestration.partitions import CHANGES
from oneshot_dagster.orchestration.step_asset import OpenServices
from oneshot_dagster.steps.triggers import look_through


def issue_intake(open_services: OpenServices) -> dg.SensorDefinition:
    @dg.sensor(
        name="issue_intake",
        job_name=NAME,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes issues in that people labelled, and heeds their commands in comments.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """It starts nothing: what it takes in the resumer starts."""
        try:
            found = look_through(open_services())
        except OneshotError as error:
            return dg.SkipReason(f"could not look for labels and comments: {error}")
        if found.taken_in:
            context.instance.add_dynamic_partitions(CHANGES, list(map(str, found.taken_in)))
        return dg.SkipReason("; ".join(found.said) or "nobody asked for anything")

    return sensor
