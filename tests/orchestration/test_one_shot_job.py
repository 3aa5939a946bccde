"""The job on a real Dagster instance, in this process: what a person finds in the UI afterwards."""

import re
from pathlib import Path

import dagster as dg
import pytest

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import State
from oneshot_dagster.orchestration.build import build

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"
ALWAYS = {"what happened", "change", "attempt", "mode", "seconds"}


def required_metadata() -> dict[str, set[str]]:
    """The table of ARCHITECTURE.md."""
    rows = re.findall(r"^\| (\w+) \| [^|]+ \| ([^|]+) \|$", ARCHITECTURE.read_text(), re.MULTILINE)
    table = {name: {key.strip() for key in keys.split(",")} for name, keys in rows if name in list(Artifact)}
    return {name: keys | ALWAYS for name, keys in table.items()}


@pytest.fixture
def one_shot(world):
    services = open_services(world.settings())
    instance = dg.DagsterInstance.ephemeral()
    job = build(lambda: services).resolve_job_def("one_shot")

    def run(key, **kwargs):
        instance.add_dynamic_partitions("change", [str(key)])
        return job.execute_in_process(instance=instance, partition_key=str(key), raise_on_error=False, **kwargs)

    run.instance, run.services = instance, services
    yield run
    services.close()


def test_one_dagster_run_materializes_all_artifacts_with_the_metadata_that_architecture_promises(world, one_shot):
    key, issue = world.plant()
    assert one_shot(key).success
    assert one_shot.services.store.runs.latest(key).state is State.COMPLETED
    assert issue.check(world.shop_url).ok
    required = required_metadata()
    assert set(required) == set(Artifact)
    lacking = {}
    for name, keys in required.items():
        event = one_shot.instance.get_latest_materialization_event(dg.AssetKey(name))
        assert event is not None, name
        assert event.asset_materialization.partition == str(key)
        lacking[name] = keys - set(event.asset_materialization.metadata)
    assert not any(lacking.values()), lacking


def test_the_checks_of_a_completed_change_passed_and_the_suite_that_is_not_there_is_not_reported(world, one_shot):
    key, _ = world.plant()
    result = one_shot(key)
    found = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    assert found == {
        "local_tests": True,
        "ci_green": True,
        "review_clear": True,
        "mergeable": True,
        "judge_pass": True,
        "integration": True,
    }


def test_a_completed_change_run_again_does_nothing_and_says_so(world, one_shot):
    key, _ = world.plant()
    one_shot(key)
    world.forge.clear_requests()
    again = one_shot(key)
    assert again.success
    assert not again.asset_materializations_for_node("worktree")
    assert "completed" in one_shot.instance.get_run_by_id(again.run_id).tags["oneshot/outcome"]
    assert [r for r in world.forge.requests() if r["login"] == "oneshot"] == []


def test_a_refused_change_fails_its_first_step_with_one_sentence_before_any_effect(world, one_shot):
    from oneshot_dagster.domain.change import ChangeKey

    result = one_shot(ChangeKey.parse("acme/shop#999"))
    assert not result.success
    failures = [e for e in result.all_events if e.is_step_failure]
    assert "acme/shop has no issue 999" in str(failures[0].step_failure_data.error)
    assert [r for r in world.forge.requests() if r["login"] == "oneshot" and r["method"] not in {"GET"}] == []
