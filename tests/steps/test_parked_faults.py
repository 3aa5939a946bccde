"""GitHub fails while a change is parked and nobody but the resumer asks it."""

import pytest
from fault_calls import LOGIN
from fault_matrix import Inline

from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.resume import continue_changes


@pytest.fixture
def parked(world, engine):
    """A change whose CI never answers, parked."""
    services = engine(hold_seconds=0.0).services
    launcher = Inline(services)
    key, _ = world.plant()
    take_in(services, key, base=None, prompt="", by="ada")
    world.forge.set_protection(key.repository, "main", contexts=["ci", "never"])

    def look() -> str:
        return "; ".join(continue_changes(services, launcher, only=key))

    look()
    assert services.store.runs.latest(key).awaited is not None
    yield world.forge, services, key, look
    world.forge.clear_faults()


def asked(forge) -> int:
    return sum(row["login"] == LOGIN for row in forge.requests())


def test_a_limit_is_waited_out_without_asking(parked):
    forge, _, _, look = parked
    forge.arm("429", login=LOGIN, retry_after=60)
    assert "limits our requests" in look()
    before = asked(forge)
    assert "asked us to wait" in look()
    assert asked(forge) == before


def test_a_fault_of_the_moment_changes_nothing(parked):
    forge, services, key, look = parked
    forge.arm("502_before", login=LOGIN, times=0)
    assert "HTTP 502" in look()
    forge.clear_faults()
    assert "HTTP 502" not in look()
    assert services.store.runs.latest(key).state is State.AWAITING_CI


def test_a_token_that_was_revoked_is_told_to_a_person(parked):
    forge, services, key, look = parked
    forge.arm("401", login=LOGIN, times=0)
    look()
    attempt = services.store.runs.latest(key)
    assert (attempt.state, attempt.human_reason) == (State.NEEDS_HUMAN, "no_access")
    assert "does not accept our token" in attempt.reason
