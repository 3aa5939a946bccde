"""The same assets and job as the product's, with Dagster's default executor: a new interpreter for each step."""

import dagster as dg

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.orchestration.build import build
from oneshot_dagster.orchestration.jobs import NAME

defs = dg.Definitions(
    assets=build(open_services).assets, jobs=[dg.define_asset_job(NAME, selection=dg.AssetSelection.all())]
)
