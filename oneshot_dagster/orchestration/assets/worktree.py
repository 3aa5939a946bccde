"""The asset worktree: how it looks in Dagster. What it does is steps.worktree."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def worktree(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.WORKTREE,
        after=None,
        group="1_implement",
        kinds={"git"},
        description="A clean git worktree of the change's branch; what lay in it and is not on the remote is kept as a bundle.",
    )
