"""The asset deployment: how it looks in Dagster. What it does is steps.deployment."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def deployment(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.DEPLOYMENT,
        after=Artifact.MERGE,
        group="4_deliver",
        kinds={"http"},
        description="Exactly the merged revision, started in the lane and observed until it is ready.",
    )
