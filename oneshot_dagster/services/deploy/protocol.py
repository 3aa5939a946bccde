"""What we ask of a deployment: start one revision, observe what serves. Healthy at another revision is not deployed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where and how, from the policy: `start` shell lines with {sha}, and the URL of the service.

    `folder` is an exported tree of the SHA to deploy; the lines run in it.
    """

    repository: str
    environment: str
    start: tuple[str, ...]
    url: str
    timeout: float
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What serves now. `revision` is None where nothing answers or it does not say."""

    revision: str | None
    ready: bool
    url: str
    detail: str


class Deploy(Protocol):
    @property
    def kind(self) -> str: ...

    def start(
        self, target: Target, *, sha: str, lane_is_ours: Callable[[], bool], say: Callable[[str], None]
    ) -> Observed:
        """Idempotent by revision. `lane_is_ours` is asked as the last act before the effect.

        Raises LeaseLost where it is not ours, TryAgain where the command could not be run; a failed command is Observed.
        """
        ...

    def observe(self, target: Target) -> Observed: ...
