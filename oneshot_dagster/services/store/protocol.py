"""What we ask of the store: attempts, leases, launches, write actions, what steps left, and projections of GitHub.
All of it is one Postgres database; each method is one transaction. Raises TryAgain where the database is away."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oneshot_dagster.domain.artifact import Record
from oneshot_dagster.domain.attempt import (
    ArtifactFile,
    Attempt,
    Awaited,
    Fact,
    Inputs,
    Launch,
    Report,
    Request,
    StoredEvaluation,
    Transition,
    WriteAction,
)
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.event_payloads import Understood
from oneshot_dagster.domain.freeze import Freeze
from oneshot_dagster.domain.gate import GateFacts
from oneshot_dagster.domain.run import Kind, Mode, State
from oneshot_dagster.domain.snapshot import FileChange, Snapshot
from oneshot_dagster.domain.webhook import Event, Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """`epoch` rises with each taking; every write action names it. `expires_at` by the database's clock."""

    name: str
    holder: str
    epoch: int
    expires_at: datetime
    expired: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Untaken:
    """A lease as somebody saw it who does not hold it; `epoch` 0 where it was never taken. What was decided then stands
    only while nobody took it since."""

    name: str
    epoch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LanePlace:
    """`lease` where the lane is ours; else who is ahead (the change in it and its state), or what stopped the lane."""

    lease: Lease | None
    behind: ChangeKey | None = None
    behind_state: State | None = None
    stopped: Freeze | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRecord:
    """A record as kept: enough to show the artifact again without doing its step again."""

    record: Record
    sha: str | None
    dagster_run_id: str
    seconds: float
    at: datetime


class Runs(Protocol):
    def create(
        self,
        key: ChangeKey,
        *,
        number: int,
        kind: Kind,
        mode: Mode,
        inputs: Inputs,
        policy: str,
        cause: str,
        next_prompt: str | None = None,
    ) -> Attempt:
        """A new attempt in `queued`. Where a live one or this number exists already, that one is returned unchanged."""
        ...

    def latest(self, key: ChangeKey) -> Attempt | None: ...

    def all_of(self, key: ChangeKey) -> tuple[Attempt, ...]:
        """Oldest first."""
        ...

    def by_id(self, attempt_id: str) -> Attempt | None: ...

    def newest_of_each_change(self, *, limit: int = 200) -> tuple[Attempt, ...]:
        """Most recently updated first."""
        ...

    def unfinished(self, only: ChangeKey | None = None) -> tuple[Attempt, ...]:
        """Newest attempts that the resumer must look at: live ones, needs_iteration, and stopped ones without evidence."""
        ...

    def new(self) -> tuple[Attempt, ...]:
        """What was taken in and never launched."""
        ...

    def transition(
        self,
        attempt: Attempt,
        target: State,
        *,
        reason: str,
        cause: str,
        fields: Mapping[str, object] | None = None,
        under: Lease | Untaken | None = None,
    ) -> Attempt:
        """Compare-and-set from `attempt.state`, appended to run_transitions in the same transaction.

        `cause` names who or what did it (a step and Dagster run, or a person). The lifecycle table is checked.
        Raises LeaseLost where the lease is not held; StaleState where the row stands in another state by now and, of a lease
        that was only seen, where it was taken since or the row changed in anything.
        """
        ...

    def update(self, attempt_id: str, fields: Mapping[str, object], *, under: Lease | None = None) -> Attempt:
        """Sets fields other than `state`. Raises LeaseLost."""
        ...

    def park(self, attempt_id: str, awaited: Awaited | None, *, reason: str, under: Lease | None = None) -> Attempt: ...

    def transitions(self, attempt_id: str) -> tuple[Transition, ...]: ...

    def change_of_pull(self, repository: str, number: int) -> ChangeKey | None: ...

    def of_pull(self, repository: str, number: int) -> tuple[Attempt, ...]:
        """All attempts of a PR, oldest first."""
        ...

    def last_verified_sha(self, repository: str, base: str, *, environment: str) -> str | None:
        """Of those that were completed and not taken back since."""
        ...


class Requests(Protocol):
    def add(
        self, attempt_id: str, *, kind: str, by: str, sha: str | None = None, text: str = "", source: str | None = None
    ) -> Request:
        """The one of that `source` where there is one already, of whichever attempt."""
        ...

    def open(self, attempt_id: str) -> tuple[Request, ...]: ...

    def of(self, attempt_id: str) -> tuple[Request, ...]: ...

    def handle(self, request_id: int) -> None: ...


class Leases(Protocol):
    def take(self, name: str, holder: str, *, seconds: float) -> Lease | None:
        """epoch + 1 for the same holder, a free or an expired one; None while another holder lives."""
        ...

    def renew(self, lease: Lease, *, seconds: float) -> bool:
        """False where the epoch is no longer ours."""
        ...

    def release(self, lease: Lease) -> None: ...

    def current(self, name: str) -> Lease | None: ...

    def enter_lane(self, attempt: Attempt, *, seconds: float, under: Lease | None = None) -> LanePlace:
        """`lane:<repository>:<base>`, FIFO by first asking. The place in the queue is kept until `leave_lane`.

        A lane that is stopped is nobody's, not even that of who holds it. Raises LeaseLost.
        """
        ...

    def leave_lane(self, attempt: Attempt, *, under: Lease | None = None) -> None:
        """Raises LeaseLost: whoever goes on with the attempt may be in it again."""
        ...

    def raise_lane(self, attempt: Attempt, *, lease: Lease) -> int | None:
        """The lane's next epoch, where this attempt holds it: what was begun under an earlier one is not ours any more.

        Raises LeaseLost where the change is not held.
        """
        ...

    def lane_is_ours(self, attempt: Attempt, *, lease: Lease, epoch: int) -> bool:
        """Both now: the change is held under that lease, and its attempt holds the lane under that epoch."""
        ...

    def lane_epoch(self, attempt: Attempt) -> int | None:
        """The epoch under which this attempt holds its lane, None where it does not."""
        ...


class Freezes(Protocol):
    def set(self, repository: str | None, *, reason: str, by: str, lane: bool = False, attempt_id: str = "") -> Freeze:
        """The one that stands there already, where one does. Without a repository it is of all."""
        ...

    def standing(self, repository: str | None = None) -> tuple[Freeze, ...]:
        """Stopped lanes first. Of a repository: those of all repositories too. Without one: all that stand anywhere."""
        ...

    def spans(self, repository: str, *, since: datetime, lane: bool) -> Sequence[tuple[datetime, datetime | None]]:
        """From when until when, or still, something stood there at any time since then. `lane`: stopped lanes alone."""
        ...

    def lift(self, repository: str | None, *, by: str) -> tuple[Freeze, ...]:
        """Those that were set by exactly that name, None for what is of all repositories."""
        ...


class Launches(Protocol):
    def add(
        self,
        attempt_id: str,
        *,
        seq: int,
        selection: Sequence[str],
        reason: str,
        costs_retry: bool,
        dagster_run_id: str | None = None,
    ) -> Launch | None:
        """None where that seq, or that Dagster run, is there already (somebody else decided the same).

        `costs_retry` counts up the attempt's infrastructure_retries in the same transaction.
        """
        ...

    def of(self, attempt_id: str) -> tuple[Launch, ...]:
        """Oldest first."""
        ...

    def by_run(self, dagster_run_id: str) -> Launch | None: ...


class Writes(Protocol):
    def intend(
        self,
        attempt_id: str,
        *,
        action: str,
        key: str,
        payload: Mapping[str, object],
        lease: Lease,
        lane_epoch: int | None = None,
    ) -> WriteAction:
        """The intent, with both epochs checked in the same transaction; the row as it stands if that key exists.

        Raises LeaseLost where an epoch is no longer current.
        """
        ...

    def note(self, write_action_id: str, more: Mapping[str, object]) -> WriteAction:
        """Adds to the payload of an intent what its probe needs from now on; nothing where it is settled."""
        ...

    def settle(self, write_action_id: str, *, outcome: str, result: Mapping[str, object]) -> WriteAction: ...

    def of(self, key: ChangeKey) -> tuple[WriteAction, ...]: ...

    def deny(self, attempt_id: str, *, action: str, key: str, reason: str) -> None:
        """Audits an action that was refused before any effect."""
        ...


class Looks(Protocol):
    def due(self) -> tuple[Attempt, ...]:
        """The unfinished attempts, oldest first, but those that rest."""
        ...

    def rest(self, attempt_id: str, *, read_at: datetime, until: datetime | None) -> None:
        """It was looked at with what was so at `read_at`. Due again at `until`, or when anything of it is newer."""
        ...

    def wake(self, keys: Collection[ChangeKey]) -> None:
        """Something was heard of these changes; who waits for them is told."""
        ...

    def rouse(self) -> None:
        """Every attempt is due, for a start with other settings."""
        ...

    def called(self) -> tuple[Attempt, ...]:
        """Those whose turn in a lane may have come: woken since they were looked at."""
        ...

    def unseen(self, *, seconds: float, limit: int) -> tuple[Attempt, ...]:
        """Parked attempts with a pull request that nobody glanced at for so long, the longest first."""
        ...

    def glanced(self) -> datetime | None:
        """When anything was glanced at last."""
        ...

    def seen(self, glances: Mapping[str, str], *, at: datetime | None = None) -> Sequence[ChangeKey]:
        """Keeps what each attempt id showed, `at` that time or now; the changes for which it is new."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """GitHub's times up to which a repository's issues and comments were looked through; None: never."""

    issues_since: datetime | None
    comments_since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    name: str
    actor: str
    said: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRefusal:
    """`actor` and `sentence` of the first of `times`."""

    code: str
    actor: str
    sentence: str
    times: int
    first_at: datetime
    last_at: datetime


class Triggers(Protocol):
    def due(self, named: Sequence[str]) -> tuple[str, ...]:
        """Of these, of those looked through before and of those with changes on their way: whose time has come."""
        ...

    def watched(self, repository: str) -> Watched: ...

    def looked(
        self, repository: str, *, issues_since: datetime | None, comments_since: datetime | None, seconds: float
    ) -> None:
        """Not due again for so long. None leaves a time as it was."""
        ...

    def changed(self, repository: str, glances: Mapping[int, str]) -> frozenset[int]:
        """The numbers of the issues that do not look as they did last."""
        ...

    def glanced(self, key: ChangeKey, glance: str, *, text_sha256: str) -> None: ...

    def text_of(self, key: ChangeKey) -> str | None:
        """The hash of the issue's text as it was seen last."""
        ...

    def undecided(self, repository: str, triggers: Collection[tuple[int, str]]) -> frozenset[tuple[int, str]]:
        """Of (issue, name) those that were not decided upon."""
        ...

    def decide(self, key: ChangeKey, name: str, *, actor: str, said: str) -> None:
        """Once; a later decision on the same changes nothing."""
        ...

    def decided(self, key: ChangeKey) -> tuple[Decided, ...]: ...

    def refuse(self, key: ChangeKey, *, code: str, actor: str, sentence: str) -> None:
        """One row an issue and code, however often."""
        ...

    def refusals(self, key: ChangeKey) -> tuple[StoredRefusal, ...]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """Not `settled`: the comment may be there or not."""

    body: str
    comment_id: int | None
    withheld: bool
    settled: bool


class Notices(Protocol):
    def of(self, key: ChangeKey, purpose: str) -> Notice | None: ...

    def intend(self, key: ChangeKey, purpose: str, *, body: str) -> None: ...

    def settle(self, key: ChangeKey, purpose: str, *, comment_id: int | None, withheld: bool = False) -> None: ...


class Artifacts(Protocol):
    def add_file(
        self, attempt_id: str, *, artifact: str, name: str, sha256: str, size: int, media_type: str, uri: str
    ) -> None:
        """The newest of a name counts; earlier ones stay as rows."""
        ...

    def files(self, attempt_id: str) -> tuple[ArtifactFile, ...]: ...

    def referenced(self) -> frozenset[str]:
        """The sha256 of every file on record, of all attempts."""
        ...

    def record(
        self, attempt_id: str, record: Record, *, sha: str | None, dagster_run_id: str, seconds: float
    ) -> None: ...

    def records(self, attempt_id: str) -> Mapping[str, StoredRecord]:
        """The newest record of each artifact."""
        ...

    def add_report(self, attempt_id: str, report: Report) -> None: ...

    def report(self, attempt_id: str, *, kind: str, sha: str) -> Report | None: ...

    def add_evaluation(self, attempt_id: str, evaluation: StoredEvaluation) -> None: ...

    def evaluations(self, attempt_id: str) -> tuple[StoredEvaluation, ...]:
        """Oldest first."""
        ...


class Facts(Protocol):
    def append(
        self, attempt_id: str, *, source: str, kind: str, sha: str | None, data: Mapping[str, object]
    ) -> None: ...

    def of(self, attempt_id: str) -> tuple[Fact, ...]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Projected:
    """What came of reading events: `touched` are changes whose waiting may be over, `asked` repositories in which an issue
    or a comment may want something of us. Of `read`, `dead` were given up."""

    read: int = 0
    dead: int = 0
    touched: frozenset[ChangeKey] = frozenset()
    asked: frozenset[str] = frozenset()

    def __add__(self, other: "Projected") -> "Projected":
        return Projected(
            read=self.read + other.read,
            dead=self.dead + other.dead,
            touched=self.touched | other.touched,
            asked=self.asked | other.asked,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedEvent:
    id: int
    delivery_id: str
    event_type: str
    action: str | None
    repository: str
    state: str
    tries: int
    error: str | None
    received_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class EventsStanding:
    """How many deliveries stand how; `oldest` is when the first that is still kept came in."""

    waiting: int
    processed: int
    dead: int
    oldest: datetime | None
    last_error: str | None


Understand = Callable[[str, Json], Understood]  # an event's type and payload; never raises


class Events(Protocol):
    def add(self, *events: Event) -> bool:
        """Commits the events and nothing else, all or none; False where every delivery id is known. Unreadable where a single
        one cannot be stored; of several another error, and each may be given alone then."""
        ...

    def project(self, understand: Understand, *, most: int) -> Projected:
        """The oldest events that wait: what each says is kept, and it is processed, or dead where it cannot be understood.

        One that the database refuses is tried again later, five times in all.
        """
        ...

    def again(self, *, since: datetime | None) -> int:
        """All that are kept wait to be projected once more, the dead too; how many. Without `since` what events said before
        is forgotten first."""
        ...

    def listed(self, *, dead: bool, most: int) -> tuple[ListedEvent, ...]:
        """The newest first."""
        ...

    def standing(self) -> EventsStanding: ...


class Projections(Protocol):
    def save_worktree(
        self, key: ChangeKey, *, pr_number: int | None, name: str, path: str, base_sha: str, head_sha: str
    ) -> None: ...

    def save_snapshot(
        self, key: ChangeKey, *, pr_number: int, base_sha: str, head_sha: str, files: Iterable[FileChange]
    ) -> Snapshot:
        """Replaces the rows of that PR and head SHA in one transaction, while `files` are still being read; what was kept."""
        ...

    def snapshot(self, repository: str, *, pr_number: int, head_sha: str) -> Snapshot | None: ...

    def save_pull(self, repository: str, facts: GateFacts) -> None:
        """pr_state, check_state of its head, review_state, review_threads: an older reading never overwrites a newer."""
        ...

    def checks_by_commit(self, repository: str, pr_number: int) -> Mapping[str, tuple[dict[str, object], ...]]:
        """Newest commit first."""
        ...


class Notes(Protocol):
    """Agent messages, memories, and rerun submissions."""

    def add_messages(self, attempt_id: str, messages: Sequence[Mapping[str, object]]) -> int:
        """Each with dedupe_key, kind, role, content, attrs, timestamp; one statement; how many were new."""
        ...

    def messages(self, attempt_id: str) -> tuple[dict[str, object], ...]: ...

    def remember(self, key: ChangeKey, *, attempt_id: str, title: str, content: str, tags: Sequence[str]) -> None: ...

    def recall(self, repository: str, *, text: str, limit: int, not_of: ChangeKey | None = None) -> tuple[str, ...]:
        """Postgres full-text search over that repository's memories, best first; those of one change left out."""
        ...

    def memories_of(self, attempt_id: str) -> int: ...

    def submit_rerun(self, attempt_id: str, *, attempt: int, delivery_id: str) -> None: ...


class Pauses(Protocol):
    def repositories(self) -> tuple[str, ...]:
        """Those with a change that needs a person."""
        ...

    def stuck(self, repository: str) -> tuple[ChangeKey, ...]:
        """Changes in a row that need a person: since the last one completed or intake was resumed, oldest first.
        What waits for a yes by design is not counted."""
        ...

    def lift(self, repository: str, *, by: str) -> None:
        """Counts anew from now on."""
        ...


class Store(Protocol):
    runs: Runs
    requests: Requests
    leases: Leases
    freezes: Freezes
    launches: Launches
    looks: Looks
    writes: Writes
    artifacts: Artifacts
    facts: Facts
    events: Events
    projections: Projections
    notes: Notes
    triggers: Triggers
    notices: Notices
    pauses: Pauses

    def now(self) -> datetime:
        """The database's clock."""
        ...

    def wake(self, key: ChangeKey) -> None:
        """Somebody may want to look at this change again."""
        ...

    def waiting(self, key: ChangeKey | None) -> AbstractContextManager["Waiter"]:
        """For one change, or for any where None."""
        ...

    def waiting_for_events(self) -> AbstractContextManager["Waiter"]:
        """For a delivery that was stored."""
        ...

    def purge(self, before: datetime) -> Mapping[str, int]:
        """Forgets deliveries that are dealt with, and messages of attempts whose evidence is sealed; how many of each."""
        ...

    def close(self) -> None: ...


class Waiter(Protocol):
    def wait(self, seconds: float) -> bool:
        """True where woken before the time was over."""
        ...
