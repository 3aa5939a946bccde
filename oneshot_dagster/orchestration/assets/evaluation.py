"""The asset evaluation: how it looks in Dagster. What it does is steps.evaluation."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def evaluation(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.EVALUATION,
        after=Artifact.CHECK_STATE,
        group="3_gate",
        kinds={"json"},
        description="The judge's verdict on one SHA: rules first, then a model that can only be stricter.",
        checks=(("judge_pass", "The judge passed exactly this SHA."),),
    )
