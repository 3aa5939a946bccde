"""The rows about rules and about merges that are not done at once; the others are in records."""

from dataclasses import dataclass, field

from oneshot_dagster.local.forge.records import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Protection(Record):
    """Of one branch. None where GitHub's object would be absent: `contexts` no required checks, `approvals` no reviews,
    `pushers` no restrictions. `apps` pins a context to an app's id. `merge_queue`: set on GitHub's pages alone,
    and told by GraphQL alone."""

    branch: str
    contexts: tuple[str, ...] | None = None
    apps: dict[str, int] = field(default_factory=dict[str, int])
    strict: bool = False
    approvals: int | None = None
    dismiss_stale: bool = False
    code_owners: bool = False
    last_push: bool = False
    resolved_threads: bool = False
    enforce_admins: bool = True
    linear: bool = False
    signed: bool = False
    force_pushes: bool = False
    deletions: bool = False
    locked: bool = False
    merge_queue: bool = False
    pushers: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruleset(Record):
    """Rules and bypass actors are kept as GitHub's objects."""

    name: str
    target: str
    enforcement: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    rules: tuple[dict[str, object], ...]
    bypass: tuple[dict[str, object], ...]
    created_at: str
    updated_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AsyncMerge(Record):
    """A merge that was asked for, to be done when it is `due`. `touched` and `due` are seconds since the epoch."""

    number: int
    uuid: str
    sha: str
    method: str | None
    title: str | None
    text: str | None
    action: str
    bypass: bool
    actor: str
    due: float
    touched: float
    created_at: str
    status: str = "pending"
    said: str = ""
    merge_sha: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeSwitches(Record):
    """How this forge does asynchronous merges: one row or none."""

    offered: bool = True
    delay: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueEntry(Record):
    """A pull request in the merge queue of its base. The group is the commit that would land on `base_sha`."""

    number: int
    base_ref: str
    head_sha: str
    enqueuer: str
    enqueued_at: str
    group_sha: str | None = None
    group_ref: str | None = None
    base_sha: str | None = None
    grouped_at: str | None = None
