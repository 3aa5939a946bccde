"""The policy as values: the sections of `.oneshot.toml` with their defaults. Times are seconds.
Reading the text, and what follows from a policy, is policy.py."""

from dataclasses import dataclass, field
from enum import StrEnum

from oneshot_dagster.domain.run import Mode

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSection:
    setup: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TestsSection:
    """`advisory`: a red local report does not keep the gate shut."""

    commands: tuple[str, ...] = ()
    timeout: float = 10 * _MINUTE
    advisory: bool = False


class Purpose(StrEnum):
    """What a command of the repository is run for."""

    SETUP = "setup"
    TESTS = "tests"
    VERIFY = "verify"


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSection:
    """`host:port` that the sandbox lets through, by purpose. For the purposes in `open` all of the machine's network is there."""

    setup: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    def of(self, purpose: Purpose) -> tuple[str, ...]:
        return {Purpose.SETUP: self.setup, Purpose.TESTS: self.tests, Purpose.VERIFY: self.verify}[purpose]


@dataclass(frozen=True, kw_only=True, slots=True)
class GateSection:
    required_checks: tuple[str, ...] = ()
    approvals: int = 0
    reviewers: tuple[str, ...] = ()
    allow_no_checks: bool = False
    ci_wait: float = 60 * _MINUTE
    review_wait: float = 7 * _DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeSection:
    """`instructions` is a file of the repository. `on_human_push` is continue | needs_human.

    `allow_no_new_tests`: what no test of the change could prove, or none was run for, may pass all the same.
    """

    instructions: str | None = None
    allow_no_new_tests: bool = False
    on_human_push: str = "continue"


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeSection:
    """`method` squash | merge | rebase."""

    method: str = "squash"
    up_to_date: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploySection:
    """`kind` none | command | argocd. `stated` tells a written `[deploy]` from a missing one.

    Of argocd: `sync` has us ask for syncs; `trailer` of a commit, or `annotation` of a resource, names our commit where
    the application follows another repository.
    """

    kind: str = "none"
    start: tuple[str, ...] = ()
    url: str | None = None
    application: str | None = None
    sync: bool = False
    trailer: str | None = None
    annotation: str | None = None
    environment: str = "production"
    timeout: float = 15 * _MINUTE
    stated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifySection:
    """`on_failure` rollback | needs_human. `waived` is the reason why nothing is verified.

    `rerun`: a suite that did not pass is run once more, and the second result counts. `baseline`: the suites are run before
    the deployment too. `health` lines have to succeed again and again for `bake` seconds after the suites. `secrets` are
    names of what the operator keeps for this repository's suites.
    """

    integration: tuple[str, ...] = ()
    e2e: tuple[str, ...] = ()
    timeout: float = 10 * _MINUTE
    rerun: bool = False
    baseline: bool = True
    health: tuple[str, ...] = ()
    bake: float = 0.0
    secrets: tuple[str, ...] = ()
    on_failure: str = "rollback"
    waived: str | None = None

    @property
    def suites(self) -> tuple[str, ...]:
        return (*self.integration, *self.e2e)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProtectSection:
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetSection:
    attempts: int = 3
    usd: float = 10.0
    tokens: int = 2_000_000
    active: float = 3 * _HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptSection:
    """`file` replaces the words around the parts of the prompt; `guidance` are files that say how to work here."""

    file: str | None = None
    guidance: tuple[str, ...] = ("AGENTS.md",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """`Policy()` is what a repository without the file has: it may propose, and nothing merges."""

    mode: Mode = Mode.PROPOSE
    agent: AgentSection = field(default_factory=AgentSection)
    tests: TestsSection = field(default_factory=TestsSection)
    network: NetworkSection = field(default_factory=NetworkSection)
    gate: GateSection = field(default_factory=GateSection)
    judge: JudgeSection = field(default_factory=JudgeSection)
    merge: MergeSection = field(default_factory=MergeSection)
    deploy: DeploySection = field(default_factory=DeploySection)
    verify: VerifySection = field(default_factory=VerifySection)
    protect: ProtectSection = field(default_factory=ProtectSection)
    budget: BudgetSection = field(default_factory=BudgetSection)
    prompt: PromptSection = field(default_factory=PromptSection)
