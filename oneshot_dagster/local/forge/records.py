"""The rows of the forge's world: frozen values of JSON types only, so that each can be written down as it is.
Times are GitHub's strings. `repository` is a repository's id; a pull request is an Issue and a Pull of one number."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    id: int
    repository: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class User(Record):
    """`admin` may use the controls under /_forge/."""

    login: str
    token: str
    admin: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository(Record):
    owner: str
    name: str
    default_branch: str
    created_at: str
    pushed_at: str
    permissions: dict[str, str]

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue(Record):
    number: int
    title: str
    body: str
    author: str
    created_at: str
    updated_at: str
    open: bool = True
    labels: tuple[str, ...] = ()
    closed_at: str | None = None
    closed_by: str | None = None
    state_reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pull(Record):
    """`head_sha` and `base_sha` are the last ones seen; while it is open, git has the say.

    `landing` is the commit that a merge was about to put on the base; `ci_sha` the head that CI was last started for.
    """

    number: int
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool = False
    merged_at: str | None = None
    merged_by: str | None = None
    merge_sha: str | None = None
    landing: str | None = None
    ci_sha: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Label(Record):
    name: str
    color: str
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event(Record):
    """A line of an issue's timeline other than comments and reviews."""

    number: int
    event: str
    actor: str
    created_at: str
    label: str | None = None
    commit_sha: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment(Record):
    number: int
    author: str
    body: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Review(Record):
    number: int
    author: str
    body: str
    state: str
    commit_sha: str
    submitted_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Thread(Record):
    number: int
    path: str
    line: int | None
    resolved_by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewComment(Record):
    number: int
    thread: int
    author: str
    body: str
    commit_sha: str
    created_at: str
    in_reply_to: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRun(Record):
    app: str
    name: str
    head_sha: str
    status: str
    external_id: str = ""
    details_url: str | None = None
    conclusion: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitStatus(Record):
    sha: str
    context: str
    state: str
    creator: str
    created_at: str
    description: str | None = None
    target_url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment(Record):
    sha: str
    ref: str
    task: str
    environment: str
    creator: str
    created_at: str
    payload: dict[str, object] | str
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentStatus(Record):
    deployment: int
    state: str
    creator: str
    created_at: str
    description: str = ""
    environment_url: str = ""
    log_url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Protection(Record):
    """Of one branch. None where GitHub's object would be absent: `contexts` no required checks, `approvals` no reviews."""

    branch: str
    contexts: tuple[str, ...] | None = None
    strict: bool = False
    approvals: int | None = None
    dismiss_stale: bool = False
    resolved_threads: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruleset(Record):
    """One ruleset that requires checks on one branch."""

    branch: str
    contexts: tuple[str, ...]
    strict: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation(Record):
    """A request for file lists or patches, which must come from git."""

    method: str
    target: str
    login: str | None
    at: str
    reason: str


KINDS: tuple[type[Record], ...] = (
    User,
    Repository,
    Issue,
    Pull,
    Label,
    Event,
    Comment,
    Review,
    Thread,
    ReviewComment,
    CheckRun,
    CommitStatus,
    Deployment,
    DeploymentStatus,
    Protection,
    Ruleset,
    Violation,
)
