"""The asset local_test_report: how it looks in Dagster. What it does is steps.local_test_report."""

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.orchestration.step_asset import OpenServices, step_asset


def local_test_report(open_services: OpenServices) -> dg.AssetsDefinition:
    return step_asset(
        open_services,
        Artifact.LOCAL_TEST_REPORT,
        after=Artifact.PATCH,
        group="1_implement",
        kinds={"junit"},
        description="The policy's test commands at exactly the committed SHA: passed, failed, or did not run.",
        checks=(("local_tests", "The policy's own test commands passed at the head SHA."),),
    )
