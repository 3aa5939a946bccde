"""The rows of the forge's world: frozen values of JSON types only, so that each can be written down as it is.
Times are GitHub's strings. `repository` is a repository's id; a pull request is an Issue and a Pull of one number."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    id: int
    repository: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class User(Record):
    """Who acts: a person, or an App's bot by one installation token. `admin` may use the controls under /_forge/.

    `permissions` are a fine-grained or an installation token's, None with a classic one, which may what its person may;
    `repositories` those that the token is for, None for all.
    """

    login: str
    token: str
    admin: bool = False
    permissions: dict[str, str] | None = None
    installation: int = 0
    repositories: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class App(Record):
    """A GitHub App. Of its key pair the forge keeps the public half. `permissions` are what it asks of new installations."""

    slug: str
    name: str
    owner: str
    client_id: str
    public_key: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    created_at: str
    updated_at: str
    description: str = ""
    external_url: str = ""
    setup_url: str | None = None
    hook_url: str | None = None
    hook_secret: str | None = None
    hook_active: bool = False
    hook_content_type: str = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class AppDraft(Record):
    """A manifest that a person has agreed to; its code makes the App, once."""

    code: str
    owner: str
    manifest: dict[str, object]
    created_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation(Record):
    """An App on an account. `permissions` are those that its owner accepted; `selected` repositories, None for all."""

    app: int
    account: str
    permissions: dict[str, str]
    selected: tuple[int, ...] | None
    created_at: str
    updated_at: str
    suspended_at: str | None = None
    suspended_by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallationToken(Record):
    """`digest` is the SHA-256 of the token: the forge cannot show it again either."""

    installation: int
    digest: str
    expires_at: str
    permissions: dict[str, str]
    repositories: tuple[int, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository(Record):
    """The switches are those of its settings page, with GitHub's defaults."""

    owner: str
    name: str
    default_branch: str
    created_at: str
    pushed_at: str
    permissions: dict[str, str]
    private: bool = True
    archived: bool = False
    allow_squash_merge: bool = True
    allow_merge_commit: bool = True
    allow_rebase_merge: bool = True
    allow_auto_merge: bool = False
    allow_update_branch: bool = False
    delete_branch_on_merge: bool = False

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
    edited_at: str | None = None  # of the body
    editor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pull(Record):
    """`head_sha` and `base_sha` are the last ones seen; while it is open, git has the say.

    `landing` is the commit that a merge was about to put on the base; `ci_sha` the head that CI was last started for;
    `pushed_by` who pushed that head.
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
    pushed_by: str | None = None
    reviewers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tip(Record):
    """Where a branch was when the forge last looked, and who had put it there."""

    branch: str
    sha: str
    pushed_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Label(Record):
    name: str
    color: str
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event(Record):
    """A line of an issue's timeline other than comments and reviews. `about` is what else its kind tells: a reviewer, a new title."""

    number: int
    event: str
    actor: str
    created_at: str
    label: str | None = None
    commit_sha: str | None = None
    about: dict[str, str] = field(default_factory=dict[str, str])


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
    """`line` is where it stands at the head, None once a push changed that line; `sha` is what `line` was counted in."""

    number: int
    path: str
    line: int | None
    resolved_by: str | None = None
    original_line: int | None = None
    sha: str = ""
    outdated: bool = False


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
    """`log` is that of a job of the forge's CI, whose output GitHub leaves empty; its title and summary are for the page."""

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
    log: str | None = None


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
class Hook(Record):
    """A repository's webhook. An App's own is in its row."""

    url: str
    content_type: str
    secret: str | None
    insecure_ssl: str
    events: tuple[str, ...]
    active: bool
    created_at: str
    updated_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery(Record):
    """One payload for one hook, which is a Hook or an App. Without `sent_at` it still waits. `guid` is kept when it is
    delivered again; `installation` is the one that an App hears it by."""

    hook: int
    guid: str
    event: str
    action: str | None
    payload: str
    created_at: str
    installation: int = 0
    redelivery: bool = False
    sent_at: str | None = None
    duration: float = 0.0
    status: str = ""
    status_code: int = 0
    sent: dict[str, str] = field(default_factory=dict[str, str])
    answered: dict[str, str] = field(default_factory=dict[str, str])
    answer: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation(Record):
    """A request for file lists or patches, which must come from git."""

    method: str
    target: str
    login: str | None
    at: str
    reason: str
