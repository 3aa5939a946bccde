"""The world and the store for the tests of the steps. `shared` is one world for a module, with several changes in it."""

from collections.abc import Callable, Iterator

import pytest
from asking import Asking
from process_launcher import ProcessLauncher
from resumed import Resumed
from store_fixtures import make_store, store, store_template, store_url  # noqa: F401
from world_fixtures import Engine, World, engine, running_world, world  # noqa: F401

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.steps.services import Services


@pytest.fixture(scope="module")
def shared_world(
    tmp_path_factory: pytest.TempPathFactory,
    make_lasting_database: Callable[..., str],
    store_template: str,  # noqa: F811
) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("shared") / "home", make_lasting_database(store_template)) as found:
        yield found


@pytest.fixture(scope="module")
def shared_asking(shared_world: World) -> Iterator[Asking]:
    """People who ask, and who looks for that, in the module's world."""
    opened: list[Services] = []

    def make(**over: object) -> Engine:
        opened.append(open_services(shared_world.settings(**over)))
        return Engine(opened[-1], "run-1")

    asking = Asking(shared_world, make)
    yield asking
    asking.close()
    for services in opened:
        services.close()


@pytest.fixture
def resumed(shared_world: World) -> Iterator[Resumed]:
    yield from _resumed(shared_world)


@pytest.fixture
def resumed_alone(world: World) -> Iterator[Resumed]:  # noqa: F811
    """In a world of its own, for what would disturb others."""
    yield from _resumed(world)


def _resumed(world: World) -> Iterator[Resumed]:  # noqa: F811
    services = open_services(world.settings())
    settings = world.settings(crash_file=world.home / "crash")
    launcher = ProcessLauncher(settings=settings, logs=world.home / "runs")
    yield Resumed(world=world, services=services, launcher=launcher)
    (world.home / "crash").unlink(missing_ok=True)
    launcher.close()
    services.close()


@pytest.fixture
def engine_of(shared_world):
    opened = []

    def make(**over) -> Engine:
        opened.append(open_services(shared_world.settings(**over)))
        return Engine(opened[-1], f"run-{len(opened)}")

    yield make
    for services in opened:
        services.close()
