"""What we ask of a runner of test suites: a command in a folder, in a clean environment, bounded, its whole tree killed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from oneshot_dagster.domain.isolation import Isolation
from oneshot_dagster.domain.test_results import SuiteResult
from oneshot_dagster.system.sandbox.room import Address


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteRequest:
    """`command` is a shell line of the policy; `{junit}` in it is replaced by the report's path. `env` is added to the clean one.

    It reaches the addresses of `reach` alone; `host_network` opens all of the machine's network. `home` is its HOME, which
    commands one after the other may share; without it each has an empty one. `held` is a descriptor that stays open as long
    as anything of it lives.
    """

    suite: str
    command: str
    folder: Path
    sha: str
    timeout: float
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    reach: tuple[Address, ...] = ()
    host_network: bool = False
    home: Path | None = None
    held: int | None = None


class Suites(Protocol):
    @property
    def not_enforced(self) -> tuple[str, ...]:
        """Isolation that this runner does not give, each as a phrase for people."""
        ...

    def isolation(self, *, reach: tuple[Address, ...] = (), host_network: bool = False) -> Isolation:
        """What holds and what does not, of a suite with that network."""
        ...

    def run(self, request: SuiteRequest, *, say: Callable[[str], None], cancelled: Callable[[], bool]) -> SuiteResult:
        """Never raises for what the suite does; a missing command or a timeout is a result."""
        ...
