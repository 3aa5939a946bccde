"""The circuit breaker: changes in a row that need a person pause their repository's intake, with a notice, until a person helps."""

import pytest
from store_fixtures import TO_COMPLETED, intake, walk

from oneshot_dagster.cli.doctor_checks import intake as intake_of_doctor
from oneshot_dagster.domain.errors import BadInput, Refusal
from oneshot_dagster.domain.readiness_facts import Level
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo import plant
from oneshot_dagster.steps.explain import explain
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.pausing import resume_intake
from oneshot_dagster.steps.readiness import examine

S = State


@pytest.fixture
def one(world, engine):
    return engine(budget={"stuck_changes": 2})


def _stuck(services, number: int, reason: str = "no_progress"):
    attempt = intake(services.store, f"{plant.REPOSITORY}#{number}", policy="")
    fields = {"human_from": S.QUEUED, "human_reason": reason}
    return services.store.runs.transition(attempt, S.NEEDS_HUMAN, reason="why", cause="test", fields=fields)


def _taken_in(one, world) -> bool:
    key, _ = world.plant()
    try:
        take_in(one.services, key, base=None, prompt="", by="ada")
    except Refusal as refused:
        assert refused.code == "intake_paused"
        assert f"oneshot resume-intake {plant.REPOSITORY}" in str(refused)
        return False
    return True


def test_so_many_in_a_row_pause_and_the_brief_tells(one, world):
    store = one.services.store
    _stuck(one.services, 901)
    assert _taken_in(one, world)
    assert intake_of_doctor(store.pauses, one.services.limits.stuck_changes).ok
    _stuck(one.services, 902, reason="protected_path")  # waits for a yes by design
    _stuck(one.services, 903, reason="observe_only")
    assert _taken_in(one, world)
    last = _stuck(one.services, 904)
    assert not _taken_in(one, world)
    told = "intake of acme/shop is paused: 2 changes in a row need a person"
    assert told in explain(one.services, last).brief
    found = intake_of_doctor(store.pauses, one.services.limits.stuck_changes)
    assert (found.ok, told in found.found) == (False, True)
    assert "oneshot resume-intake acme/shop" in found.do
    readiness = examine(one.services, plant.REPOSITORY, None)
    assert ("intake_paused", Level.IMPOSSIBLE) in [(f.code, f.level) for f in readiness.findings]
    assert store.pauses.stuck("acme/other") == ()


def test_a_change_that_a_person_helps_on_lets_others_in(one, world):
    first, _ = _stuck(one.services, 901), _stuck(one.services, 902)
    assert not _taken_in(one, world)
    one.services.store.runs.transition(first, S.QUEUED, reason="ada said retry", cause="test")
    assert _taken_in(one, world)


def test_one_that_completes_ends_the_row(one, world):
    _stuck(one.services, 901)
    walk(one.services.store, intake(one.services.store, f"{plant.REPOSITORY}#902"), *TO_COMPLETED)
    _stuck(one.services, 903)
    assert _taken_in(one, world)
    _stuck(one.services, 904)
    assert not _taken_in(one, world)


def test_a_person_resumes_it_and_the_row_is_counted_anew(one, world):
    with pytest.raises(BadInput, match="not paused"):
        resume_intake(one.services, plant.REPOSITORY, by="ada")
    _stuck(one.services, 901)
    _stuck(one.services, 902)
    assert [key.issue_number for key in resume_intake(one.services, plant.REPOSITORY, by="ada")] == [901, 902]
    assert _taken_in(one, world)
    _stuck(one.services, 903)
    assert _taken_in(one, world)
    _stuck(one.services, 904)
    assert not _taken_in(one, world)
