"""The services that every step is given: protocols only. bootstrap.py picks the real ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oneshot_dagster.domain.budget import Budgets, Price
from oneshot_dagster.domain.run import Mode
from oneshot_dagster.services.agent.protocol import Agent
from oneshot_dagster.services.blobs.protocol import Blobs
from oneshot_dagster.services.deploy.protocol import Deploy
from oneshot_dagster.services.git.protocol import Git, Identity, Most
from oneshot_dagster.services.github.protocol import GitHub
from oneshot_dagster.services.judge.protocol import Judge
from oneshot_dagster.services.store.protocol import Store
from oneshot_dagster.services.suites.protocol import Suites
from oneshot_dagster.system.clock import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What the operator's settings bound or hold; seconds where a time. `patch`: the most that an agent may leave.

    `secrets`: by repository and name, for its verification suites.
    """

    repositories: tuple[str, ...]
    mode: Mode
    hold_seconds: float
    lease_seconds: float = 30.0
    poll_seconds: float = 2.0
    glance_seconds: float = 30.0
    agent_wall: float
    agent_stall: float
    caps: Budgets
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    patch: Most = field(default_factory=Most)
    trailers: tuple[str, ...] = ()
    merge_enabled: bool
    stuck_changes: int = 3
    rules_alone: bool
    is_local_forge: bool
    public_url: str
    author: Identity
    scratch: Path
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]], repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    store: Store
    git: Git
    github: GitHub
    agent: Agent
    judge: Judge
    suites: Suites
    deploys: dict[str, Deploy] = field(default_factory=dict[str, Deploy])
    blobs: Blobs
    clock: Clock
    limits: Limits
    close: Callable[[], None]
