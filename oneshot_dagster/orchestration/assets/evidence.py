"""The asset evidence: how it looks in Dagster. What it does is steps.evidence."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def evidence(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.EVIDENCE,
        after=Artifact.VERIFICATION_REPORT,
        group="5_prove",
        kinds={"json", "postgres"},
        description="The sealed, hash-chained record of everything that was observed, and the success criteria.",
    )
