"""Puts the Definitions together from a way to open the services: assets in the order of the run, the job, the sensors."""

import functools
import gc
from collections.abc import Callable

import dagster as dg

from oneshot_dagster.orchestration.assets.check_state import check_state
from oneshot_dagster.orchestration.assets.deployment import deployment
from oneshot_dagster.orchestration.assets.evaluation import evaluation
from oneshot_dagster.orchestration.assets.evidence import evidence
from oneshot_dagster.orchestration.assets.file_snapshot import file_snapshot
from oneshot_dagster.orchestration.assets.local_test_report import local_test_report
from oneshot_dagster.orchestration.assets.merge import merge
from oneshot_dagster.orchestration.assets.patch import patch
from oneshot_dagster.orchestration.assets.pull_request import pull_request
from oneshot_dagster.orchestration.assets.verification_report import verification_report
from oneshot_dagster.orchestration.assets.worktree import worktree
from oneshot_dagster.orchestration.jobs import one_shot_job
from oneshot_dagster.orchestration.sensors.change_continue import change_continue
from oneshot_dagster.orchestration.sensors.github_reconcile import github_reconcile
from oneshot_dagster.orchestration.sensors.issue_intake import issue_intake
from oneshot_dagster.steps.services import Services

ASSETS = (
    worktree,
    patch,
    local_test_report,
    pull_request,
    file_snapshot,
    check_state,
    evaluation,
    merge,
    deployment,
    verification_report,
    evidence,
)


def build(open_services: Callable[[], Services]) -> dg.Definitions:
    """`open_services` is called in the process that works, not here: at most once each."""
    opened = functools.cache(open_services)
    assets = [make(opened) for make in ASSETS]
    gc.freeze()  # the code that is loaded by now stays: looking through it again takes a tenth of a second of every run
    return dg.Definitions(
        assets=assets,
        jobs=[one_shot_job()],
        sensors=[issue_intake(opened), change_continue(opened), github_reconcile(opened)],
        executor=dg.in_process_executor,
    )
