"""What the launcher tells Dagster of runs whose process is gone."""

import dagster as dg
import pytest

from oneshot_dagster.definitions import defs
from oneshot_dagster.orchestration.launcher import InstanceLauncher

RUN = dg.DagsterRunStatus


@pytest.mark.parametrize(
    ("status", "then"),
    [(RUN.STARTED, RUN.FAILURE), (RUN.CANCELING, RUN.CANCELED), (RUN.SUCCESS, RUN.SUCCESS)],
    ids=["working", "terminated", "over"],
)
def test_a_run_whose_process_is_gone_has_failed_unless_somebody_had_terminated_it(status, then):
    with dg.instance_for_test() as instance:
        run = instance.add_run(dg.DagsterRun(job_name="one_shot", status=status))
        launcher = InstanceLauncher(instance, defs.resolve_job_def("one_shot"), port=1)

        launcher.fail(run.run_id, "its process is gone")
        launcher.fail("0" * 8, "nobody knows it")

        assert instance.get_run_by_id(run.run_id).status is then
