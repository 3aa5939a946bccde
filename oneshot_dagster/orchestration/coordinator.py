"""The one door for every run of a change's partition: CLI, UI, GraphQL and sensors pass here before anything is queued.
What needs the network is refused by the first step, because a run can also be executed without this door."""

from typing import cast

from dagster import DagsterRun
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.domain.intake import refused_repository
from oneshot_dagster.orchestration.partitions import CHANGES
from oneshot_dagster.settings import load

PARTITION_TAG = "dagster/partition"
JOBS = {"one_shot", "__ASSET_JOB"}
_LOOK_EVERY = 0.4


class ChangeRunCoordinator(QueuedRunCoordinator):
    """Registers the partition of a good key; fails a run with a bad one before its first step, with one sentence."""

    @property
    def dequeue_interval_seconds(self) -> int:
        """Under the half second for which the daemon sleeps anyway; the configuration knows whole seconds only."""
        return cast("int", min(_LOOK_EVERY, self._dequeue_interval_seconds))

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        run = context.dagster_run
        if run.job_name in JOBS:
            problem = refusal(run.tags.get(PARTITION_TAG))
            if problem is not None:
                self._instance.report_run_failed(run, problem)
                return self._instance.get_run_by_id(run.run_id) or run
            self._instance.add_dynamic_partitions(CHANGES, [run.tags[PARTITION_TAG]])
        return super().submit_run(context)


def refusal(partition: str | None) -> str | None:
    """Why a run of this partition is not let in, in one sentence that says what to do."""
    if partition is None:
        return 'no change named: launch with --tags \'{"dagster/partition": "owner/repo#N"}\''
    try:
        key = ChangeKey.parse(partition)
        repositories = load().repositories
    except OneshotError as error:
        return str(error)
    refused = refused_repository(key, repositories)
    return refused.sentence if refused else None
