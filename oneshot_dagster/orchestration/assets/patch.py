"""The asset patch: how it looks in Dagster. What it does is steps.patch."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def patch(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.PATCH,
        after=Artifact.WORKTREE,
        group="1_implement",
        kinds={"git", "python"},
        description="What the coding agent changed, committed by the engine: patch, log, events, and a bundle of files.",
    )
