"""What we ask of GitHub. Never file lists or patches: those come from git.
Every method may raise TryAgain (5xx, limit, timeout, cut) or NeedsHuman (401, 403 permission); absence is a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oneshot_dagster.domain.gate import GateFacts
from oneshot_dagster.domain.readiness_facts import ReportedContexts, RepositoryFacts, Unread, WebhookFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    number: int
    title: str
    body: str
    author: str
    open: bool
    labels: tuple[str, ...]
    is_pull_request: bool
    url: str
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """On the issue or the pull request `number`."""

    comment_id: int
    number: int
    author: str
    by_bot: bool
    body: str
    created_at: datetime
    updated_at: datetime
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pull:
    number: int
    url: str
    head_ref: str
    head_sha: str
    base_ref: str
    open: bool
    merged: bool
    merge_sha: str | None
    merged_by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeAnswer:
    """`merged` with `sha`; or refused with the status code (405, 409, 422), GitHub's message, and `why`:
    head_moved | base_moved | queue_required | method_not_allowed | rules | conflict | invalid | not_mergeable."""

    merged: bool
    sha: str | None
    status: int
    message: str
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AsyncMerge:
    """`state` pending | merged | enqueued | failed | existing | refused | not_offered. `existing` is an earlier request
    with its own `uuid`; `enqueued` is GitHub's last word on a request, though nothing has merged yet. `why` of what
    failed or was refused, as in MergeAnswer."""

    state: str
    uuid: str | None
    sha: str | None
    message: str
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueStanding:
    """`enabled`: the base takes changes through a merge queue. `merged` was read together with `queued`."""

    enabled: bool
    queued: bool
    merged: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class OurCheck:
    """What our check says. `status` queued | in_progress | completed; `conclusion`, only when completed:
    success | failure | neutral | action_required | cancelled. `url` is where details are, "" for nowhere."""

    status: str
    conclusion: str | None
    title: str
    summary: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineEvent:
    """`event` in GitHub's words: labeled, unlabeled, closed, merged, …; `label` of the first two."""

    event: str
    actor: str | None
    at: datetime
    label: str | None
    commit_sha: str | None
    by_bot: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreadComment:
    author: str
    body: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewThread:
    """With its first hundred comments, oldest first. `line` None: the whole file, or what it was said of has changed."""

    thread_id: str
    is_resolved: bool
    path: str | None
    line: int | None
    comments: tuple[ThreadComment, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewText:
    """`state` as in a gate's review; `commit_sha` is what was reviewed."""

    author: str
    state: str
    body: str
    commit_sha: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """The last one of an issue's body. `editor` None: an account that is gone."""

    editor: str | None
    at: datetime


class GitHub(Protocol):
    @property
    def login(self) -> str:
        """The platform's own identity, asked for once."""
        ...

    def default_branch(self, repository: str) -> str | None:
        """None where the repository does not exist or we may not see it."""
        ...

    def repository_facts(
        self, repository: str, *, base: str, approvals: int = 0, fresh: bool = True
    ) -> RepositoryFacts | None:
        """What it lets us do and demands; None where it does not exist or we may not see it. `approvals` are the policy's.

        Not `fresh`: what was read some minutes ago will do.
        """
        ...

    def reported_contexts(self, repository: str, branch: str, *, fresh: bool = True) -> ReportedContexts | Unread:
        """Of the newest 20 commits of the branch and the heads of the newest 10 pull requests into it."""
        ...

    def webhook(self, repository: str) -> WebhookFacts | Unread:
        """The App's, or the repository's that leads to a platform like this, with its last deliveries."""
        ...

    def issue(self, repository: str, number: int) -> Issue | None: ...

    def last_edit(self, repository: str, number: int) -> Edit | None:
        """None where the issue's body stands as it was written first. A change of its title is in the timeline."""
        ...

    def labelled_issues(self, repository: str, label: str) -> tuple[Issue, ...]:
        """The open ones, pull requests left out."""
        ...

    def issues_since(self, repository: str, since: datetime) -> tuple[Issue, ...]:
        """Open and closed ones that changed in any way at that time or later, pull requests left out."""
        ...

    def comments_since(self, repository: str, since: datetime) -> tuple[Comment, ...]:
        """Made or edited at that time or later, on all issues and pull requests; not those on lines of code."""
        ...

    def permission(self, repository: str, login: str) -> str:
        """`admin`, `maintain`, `write`, `triage`, `read` or `none`, read live."""
        ...

    def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        """All pages, oldest first."""
        ...

    def comment(self, repository: str, number: int, body: str) -> Comment: ...

    def edit_comment(self, repository: str, comment_id: int, body: str) -> Comment: ...

    def pulls_by_head(self, repository: str, branch: str) -> tuple[Pull, ...]:
        """State all, newest first."""
        ...

    def pull(self, repository: str, number: int) -> Pull | None: ...

    def open_pull(self, repository: str, *, head: str, base: str, title: str, body: str) -> Pull | None:
        """None where GitHub refuses it with 422 (one exists already, or no commits between): look again by head."""
        ...

    def update_pull(self, repository: str, number: int, *, title: str, body: str) -> Pull: ...

    def gate_facts(self, repository: str, number: int) -> GateFacts:
        """Everything the gate needs, at the PR's present head, all pages."""
        ...

    def check_log(self, repository: str, sha: str, name: str) -> str:
        """What the latest check run of that name at that SHA says of itself: its output, a job's log; "" for nothing."""
        ...

    def glances(self, pulls: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
        """A digest for each (repository, number) that differs where anything differs that a gate depends on.

        One GraphQL query for 25 of one owner. What our token does not reach is left out; what is gone has one too.
        """
        ...

    def update_branch(self, repository: str, number: int, *, expected_head: str) -> bool:
        """Merges the base into the head branch; False where GitHub refuses (conflict, head moved)."""
        ...

    def merge(self, repository: str, number: int, *, sha: str, method: str, title: str, message: str) -> MergeAnswer:
        """Sent once, never repeated by the client. TryAgain where no answer came: read the pull request then."""
        ...

    def merge_async(
        self, repository: str, number: int, *, sha: str, method: str, title: str, message: str
    ) -> AsyncMerge:
        """Asks for a merge that GitHub does in its own time, rules judged then; a merge queue takes no title or method.

        Sent once. `not_offered` where the server does not know such a thing.
        """
        ...

    def merge_async_result(self, repository: str, number: int, uuid: str) -> AsyncMerge:
        """`not_offered` where GitHub no longer knows that request (it keeps one for a day): read the pull request."""
        ...

    def merge_queue(self, repository: str, number: int) -> QueueStanding:
        """Of a pull request and its base; a server that knows no merge queues has none."""
        ...

    def enqueue(self, repository: str, number: int, *, sha: str) -> AsyncMerge:
        """Puts it into the merge queue of its base at that head: `enqueued`, or `refused`. Sent once."""
        ...

    def put_check(self, repository: str, *, sha: str, check: OurCheck) -> str:
        """Makes our check `oneshot` at that SHA say this, and gives its URL; nothing is sent where it says so already.

        A check run of our App, or, with a personal token, which may make none, a commit status of that context.
        """
        ...

    def add_labels(self, repository: str, number: int, labels: Sequence[str]) -> None: ...

    def remove_label(self, repository: str, number: int, label: str) -> None:
        """A label that is not there is done."""
        ...

    def timeline(self, repository: str, number: int) -> tuple[TimelineEvent, ...]:
        """All pages, oldest first: who did what on an issue or a pull request."""
        ...

    def review_texts(self, repository: str, number: int) -> tuple[ReviewText, ...]:
        """Those that say something of the whole, oldest first."""
        ...

    def threads(self, repository: str, number: int) -> tuple[ReviewThread, ...]:
        """All review threads of a pull request, with what was said in them."""
        ...

    def reply_to_thread(self, repository: str, thread_id: str, body: str) -> str:
        """The URL of the reply. Sent once."""
        ...

    def resolve_thread(self, repository: str, thread_id: str) -> None: ...

    def deployments(self, repository: str, *, sha: str, environment: str) -> Mapping[str, int]:
        """Deployment ids by the `key` in their payload."""
        ...

    def create_deployment(self, repository: str, *, sha: str, environment: str, key: str, description: str) -> int: ...

    def active_deployments(self, repository: str, *, environment: str) -> tuple[int, ...]:
        """Those of ours among the newest of that environment whose last status is success."""
        ...

    def deployment_told(self, repository: str, deployment_id: int) -> tuple[str, ...]:
        """What we said of it with its newest hundred statuses, newest first; nothing where it is gone."""
        ...

    def deployment_status(
        self, repository: str, deployment_id: int, *, state: str, url: str, description: str
    ) -> None: ...
