"""The asset verification_report: how it looks in Dagster. What it does is steps.verification_report."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def verification_report(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.VERIFICATION_REPORT,
        after=Artifact.DEPLOYMENT,
        group="4_deliver",
        kinds={"http", "junit"},
        description="The policy's suites from the merged SHA against the deployed URL.",
        checks=(
            ("integration", "The integration suites passed against the deployed URL."),
            ("e2e", "The end-to-end suites passed against the deployed URL."),
        ),
    )
