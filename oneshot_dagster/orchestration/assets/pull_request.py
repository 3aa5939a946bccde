"""The asset pull_request: how it looks in Dagster. What it does is steps.pull_request."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def pull_request(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.PULL_REQUEST,
        after=Artifact.LOCAL_TEST_REPORT,
        group="2_propose",
        kinds={"github"},
        description="The pull request of the change's branch, pushed, opened or updated, saying that an agent wrote it.",
    )
