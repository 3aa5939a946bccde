"""What the tests of crashes and people share: a world, and who looks at it and starts runs in it."""

from dataclasses import dataclass

from process_launcher import ProcessLauncher
from world_fixtures import World

from oneshot_dagster.steps.services import Services


@dataclass(frozen=True)
class Resumed:
    """A world, the services of who looks at it from outside, and where its runs go."""

    world: World
    services: Services
    launcher: ProcessLauncher
