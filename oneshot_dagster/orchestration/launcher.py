"""Starts Dagster runs of launch rows through the instance: the same code for the sensor, `oneshot run` and the demo.
Which launch, and when, is domain.resume's; the queue and the door are the coordinator's."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.errors import DagsterRunAlreadyExists
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from oneshot_dagster.domain.attempt import Attempt, Launch
from oneshot_dagster.orchestration.jobs import NAME
from oneshot_dagster.orchestration.run_tags import tags
from oneshot_dagster.services.launcher.protocol import RunView

LOCATION = "oneshot"
_REPOSITORY = "__repository__"
_DEFINITIONS = ("oneshot_dagster.definitions", "defs")
_CHECKOUT = Path(__file__).resolve().parent.parent.parent


class InstanceLauncher:
    """Implements services.launcher.Launcher. `port` is the code server's, which will execute the run."""

    def __init__(self, instance: dg.DagsterInstance, job: dg.JobDefinition, *, port: int) -> None:
        self._instance, self._job = instance, job
        location = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=port, location_name=LOCATION)
        self._origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, _REPOSITORY), NAME)
        self._code = JobPythonOrigin(NAME, _code_origin())

    def start(self, attempt: Attempt, launch: Launch, *, root_run_id: str | None, parent_run_id: str | None) -> None:
        selected = {dg.AssetKey(name) for name in launch.selection}
        try:
            self._instance.create_run_for_job(
                self._job.get_subset(asset_selection=selected),
                run_id=launch.dagster_run_id,
                tags=tags(attempt, launch, root_run_id=root_run_id, parent_run_id=parent_run_id),
                asset_selection=selected,
                remote_job_origin=self._origin,
                job_code_origin=self._code,
            )
        except DagsterRunAlreadyExists:
            run = self._instance.get_run_by_id(launch.dagster_run_id)
            if run is None or run.status is not dg.DagsterRunStatus.NOT_STARTED:
                return
        self._instance.submit_run(launch.dagster_run_id, workspace=None)  # pyright: ignore[reportArgumentType]

    def view(self, run_ids: tuple[str, ...]) -> dict[str, RunView]:
        if not run_ids:
            return {}
        records = self._instance.get_run_records(dg.RunsFilter(run_ids=list(run_ids)))
        return {record.dagster_run.run_id: _view(record) for record in records}

    def fail(self, run_id: str, reason: str) -> None:
        """One that somebody terminated, and whose process is gone, has ended as they wanted it to."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        if run.status is dg.DagsterRunStatus.CANCELING:
            self._instance.report_run_canceled(run, reason)
        else:
            self._instance.report_run_failed(run, reason)

    def terminate(self, run_id: str) -> None:
        run = self._instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            self._instance.report_run_canceling(run)
            self._instance.run_launcher.terminate(run_id)


def _view(record: dg.RunRecord) -> RunView:
    run = record.dagster_run
    started = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else None
    return RunView(run_id=run.run_id, status=run.status.value.lower(), started_at=started)


def _code_origin() -> RepositoryPythonOrigin:
    """As the code server names itself, which runs the same checkout."""
    return RepositoryPythonOrigin(
        executable_path=sys.executable,
        code_pointer=ModuleCodePointer(*_DEFINITIONS, str(_CHECKOUT)),
        entry_point=[sys.executable, "-m", "dagster"],
    )
