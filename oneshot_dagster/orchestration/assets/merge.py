"""The asset merge: how it looks in Dagster. What it does is steps.merge."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def merge(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.MERGE,
        after=Artifact.EVALUATION,
        group="4_deliver",
        kinds={"git", "github"},
        description="The merge at the judged SHA, once, in the lane, and the proof that what landed is what was judged.",
    )
