"""What readiness is judged by: what GitHub lets us, demands of the base and of our branches, and what CI would report.
Reading it is services.github and services.git; judging is readiness.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from oneshot_dagster.domain.policy_sections import Policy
from oneshot_dagster.domain.run import Mode
from oneshot_dagster.domain.workflows import Workflow

SAMPLE_HEAD = "codex/issue-1"  # rules are asked for by a branch's name, and ours differ in the number alone


class Level(StrEnum):
    """`unknown`: we did not look, or GitHub does not tell; it never refuses anything."""

    IMPOSSIBLE = "impossible"
    WARNING = "warning"
    UNKNOWN = "unknown"
    OK = "ok"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """`code` is stable, for machines; `found` and `do` are for people."""

    code: str
    level: Level
    found: str
    do: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.found}; {self.do}" if self.do else self.found


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """What could not be looked at, and why."""

    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Who we are there. `role` is a person's (admin … none), `permissions` an App's, `scopes` a classic token's;
    each None where GitHub does not tell, as of a fine-grained token."""

    login: str
    is_app: bool
    role: str | None = None
    permissions: Mapping[str, str] | None = None
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Required:
    """A required context; `app_id` where only that App's word counts."""

    name: str
    app_id: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """`operator` starts_with | ends_with | contains | regex."""

    operator: str
    text: str
    negate: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule on a branch, from a ruleset or from classic protection, by the ruleset's word for it; classic protection
    adds `lock_branch` and `restrictions`. `bypassed`: GitHub says that it does not hold us; None where it does not say.
    `names` are what the rule lists: paths, extensions, environments, who may push."""

    kind: str
    source: str
    bypassed: bool | None = False
    contexts: tuple[Required, ...] = ()
    spares_creation: bool = False
    approvals: int = 0
    code_owners: bool = False
    last_push: bool = False
    methods: tuple[str, ...] = ()
    pattern: Pattern | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported:
    """A context that somebody reported; `app_id` None for a commit status. `on_pull`: at the head of a pull request."""

    name: str
    app: str = ""
    app_id: int | None = None
    on_pull: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportedContexts:
    """Of the newest commits of a branch and the heads of the newest pull requests into it."""

    contexts: tuple[Reported, ...] = ()
    pulls: int = 0
    commits: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookFacts:
    """`url` "" where there is no webhook. `failed` of the `deliveries` last ones got no 2xx; `status` is the last's."""

    url: str = ""
    active: bool = True
    deliveries: int = 0
    failed: int = 0
    status: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryFacts:
    """What GitHub says of a repository, one base and our branches. `methods` None where it does not tell.

    `approvers` are those with write access other than us, read only where approvals are required.
    """

    repository: str
    base: str
    archived: bool
    methods: tuple[str, ...] | None
    access: Access
    base_rules: tuple[Rule, ...] | Unread
    head_rules: tuple[Rule, ...] | Unread
    classic: Unread | None = None
    approvers: tuple[str, ...] | Unread = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """Everything together. `policy` None: the base has none. `problem` says what is wrong with it.

    `mode` is what holds after the operator's bound, `mode_why` what decided it. `email` is our commits' author's.
    `deploys`: the kinds that this platform is connected with. `deployment`: what is wrong there; None: nothing, or not asked.
    """

    facts: RepositoryFacts
    mode: Mode
    mode_why: str
    policy: Policy | None
    problem: str = ""
    email: str
    workflows: tuple[Workflow, ...]
    reported: ReportedContexts | Unread
    webhook: WebhookFacts | Unread | None = None
    deploys: frozenset[str] | None = None
    deployment: str | Unread | None = None
