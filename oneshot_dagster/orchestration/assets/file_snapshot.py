"""The asset file_snapshot: how it looks in Dagster. What it does is steps.file_snapshot."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def file_snapshot(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.FILE_SNAPSHOT,
        after=Artifact.PULL_REQUEST,
        and_after=Artifact.LOCAL_TEST_REPORT,  # which takes over a head that moved, where the pull request is open already
        group="2_propose",
        kinds={"git", "postgres"},
        description="The authoritative file list and patches between merge base and head, read from the worktree and never from the API.",
    )
