"""The intake's sensor, ticked as the daemon does it."""

import dagster as dg
import pytest

from oneshot_dagster.local.demo.plant import REPOSITORY
from oneshot_dagster.orchestration.build import build
from oneshot_dagster.orchestration.partitions import CHANGES


@pytest.fixture
def instance():
    with dg.instance_for_test() as found:
        yield found


@pytest.fixture
def tick(engine, instance):
    def one(**over) -> str:
        services = engine(**{"repositories": [REPOSITORY], **over}).services
        definitions = build(lambda: services)
        sensor = definitions.resolve_sensor_def("issue_intake")
        context = dg.build_sensor_context(instance=instance, definitions=definitions)
        with context:
            data = sensor.evaluate_tick(context)
        assert data.run_requests == []
        return data.skip_message or ""

    return one


def test_a_labelled_issue_becomes_a_partition_and_the_tick_says_so(world, tick, instance):
    key, _ = world.plant()
    world.forge.label(REPOSITORY, key.issue_number, "oneshot")
    assert f"{key} was taken in as attempt 1" in tick()
    assert instance.get_dynamic_partitions(CHANGES) == [str(key)]


def test_where_nothing_is_asked_the_tick_says_so(world, tick):
    world.plant()
    assert tick() == "nobody asked for anything"


def test_a_change_that_cannot_be_decided_stops_no_other(world, tick, instance, store):
    bad, good = world.plant(seed=1)[0], world.plant(seed=2)[0]
    for key in (bad, good):
        world.forge.label(REPOSITORY, key.issue_number, "oneshot")
    world.forge.arm("404", method="GET", path=f"/issues/{bad.issue_number}/timeline", times=0)
    assert f"{good} was taken in" in tick()
    assert instance.get_dynamic_partitions(CHANGES) == [str(good)]
    assert [r.code for r in store.triggers.refusals(bad)] == ["fault"]


def test_github_away_is_a_skip_with_its_reason(world, tick):
    world.forge.arm("502_before", times=0)
    assert tick().startswith(f"could not look through {REPOSITORY}: ")
    world.forge.clear_faults()


def test_the_database_away_is_a_skip_with_its_reason(world, tick):
    said = tick(database_url="postgresql://nobody@127.0.0.1:1/none")
    assert said.startswith("could not look for labels and comments: the database did not answer")


def test_it_runs_without_being_switched_on(engine):
    sensor = build(lambda: engine().services).resolve_sensor_def("issue_intake")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
