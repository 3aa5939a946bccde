"""The one job: all eleven artifacts of one change."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

NAME = "one_shot"


def one_shot_job() -> UnresolvedAssetJobDefinition:
    """Dagster's own retries are off: the resumer is the only one who continues a change."""
    return dg.define_asset_job(
        NAME,
        selection=dg.AssetSelection.all(),
        description="Takes one change from its issue to a merged, deployed and verified revision with sealed evidence.",
        executor_def=dg.in_process_executor,
        tags={"dagster/max_retries": "0"},
    )
