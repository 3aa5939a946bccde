"""The asset check_state: how it looks in Dagster. What it does is steps.check_state."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def check_state(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.CHECK_STATE,
        after=Artifact.FILE_SNAPSHOT,
        group="3_gate",
        kinds={"github"},
        description="What CI, reviewers and GitHub say of the head SHA, and what the gate makes of it: held for a while, then parked.",
        checks=(
            ("ci_green", "Every required and every reported check passed at the head SHA."),
            ("review_clear", "Approvals are there and no review thread is open."),
            ("mergeable", "GitHub can merge it cleanly."),
        ),
    )
