"""What a change learned reaches the prompts of later changes of its repository that it matches, and no others."""

import pytest
from process_launcher import sealed, until
from store_fixtures import intake
from world_fixtures import Engine

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo import plant
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.services.store.postgres import PostgresStore
from oneshot_dagster.steps.intake import take_in


@pytest.fixture
def prompt_of(resumed):
    def prompt(forge, title: str, body: str) -> str:
        number = forge.create_issue(plant.REPOSITORY, title, body)["number"]
        key = ChangeKey.parse(f"{plant.REPOSITORY}#{number}")
        engine = Engine(resumed.services, f"run-{number}")
        engine.run(key, Artifact.WORKTREE, Artifact.PATCH)
        files = resumed.services.store.artifacts.files(engine.attempt(key).id)
        kept = [f for f in files if f.name == "implementation-prompt"]
        return (resumed.services.blobs.get(kept[-1].sha256) or b"").decode()

    return prompt


@pytest.fixture(scope="module")
def cured(shared_world):
    """A change whose first attempt failed in CI and whose second completed."""
    return shared_world.plant(Kind.RED_FIRST)


def test_what_cured_a_failing_check_reaches_the_change_that_it_matches_and_no_other(resumed, cured, prompt_of):
    key, issue = cured
    services, forge = resumed.services, resumed.world.forge
    take_in(services, key, base=None, prompt="", by="ada")
    ended = until(services, resumed.launcher, key, lambda a: a.number == 2 and sealed(a))
    assert ended.state is State.COMPLETED, ended.reason
    sku = issue.expectation.sku
    like = prompt_of(
        forge, f"Large orders of {sku} at another rate", f"A check of orders of {sku} failed before: % off."
    )
    assert f"What cured ci at {key}" in like
    assert "% off, but gets" in like.split("## Remembered", 1)[1]
    assert f"shop/discounts/{sku}_" in like.split("Cured by changing", 1)[1]
    other = prompt_of(forge, "Rename the colour of umbrellas", "Violet becomes purple everywhere.")
    assert "## Remembered" not in other


def test_at_most_five_and_none_of_another_repository(store: PostgresStore) -> None:
    for number in range(1, 9):
        attempt = intake(store, f"acme/shop#{number}")
        store.notes.remember(attempt.key, attempt_id=attempt.id, title="Umbrella colours", content="violet", tags=())
    other = intake(store, "acme/other#1")
    store.notes.remember(other.key, attempt_id=other.id, title="Umbrella colours", content="of another", tags=())
    found = store.notes.recall("acme/shop", text="umbrella colours", limit=5)
    assert len(found) == 5
    assert not [memory for memory in found if "of another" in memory]
