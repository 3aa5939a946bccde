"""What an event of GitHub says: what was seen, and whose waiting may be over. Pure; the order of sightings is projection.py.
Only the few fields that we use are read, since payloads grow and shrink; an event without them is Unreadable."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from oneshot_dagster.domain.gate_conditions import OUR_CHECK
from oneshot_dagster.domain.gate_facts import CheckRun, CommitStatus, Review, Thread
from oneshot_dagster.domain.payload_part import Part
from oneshot_dagster.domain.projection import Kind, Sighting, check_data, check_item, pull_subject, seen
from oneshot_dagster.domain.webhook import Json, Unreadable

_REPOSITORY = re.compile(r"[a-z0-9_.-]{1,100}/[a-z0-9_.-]{1,100}")
_BRANCH = "refs/heads/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """What a change is known by: `what` is pull, issue, commit or branch."""

    repository: str
    what: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Understood:
    """`mentions` are only of events that may end somebody's waiting, `asks` names a repository where an issue or a
    comment may want something of us. `unreadable` says why nothing could be understood."""

    sightings: tuple[Sighting, ...] = ()
    mentions: frozenset[Mention] = field(default_factory=frozenset[Mention])
    asks: str | None = None
    unreadable: str | None = None


def repository_of(payload: Json) -> str | None:
    """Lower case; None for an event that is of none, such as one of an organisation."""
    name = Part(payload, "").part("repository").word("full_name")
    return name.lower() if name and _REPOSITORY.fullmatch(name.lower()) else None


def understand(event_type: str, payload: Json) -> Understood:
    """Raises Unreadable. An event of a kind that is of no use here says nothing."""
    reader = _READERS.get(event_type)
    if reader is None:
        return Understood()
    repository = repository_of(payload)
    if repository is None:
        raise Unreadable("repository.full_name is missing or of another kind")
    said = reader(repository, Part(payload, ""))
    return said if _may_end_a_wait(event_type, payload) else replace(said, mentions=frozenset())


def _latest(*times: datetime | None) -> datetime | None:
    return max((time for time in times if time), default=None)


def _mention(repository: str, what: str, name: object) -> Mention:
    return Mention(repository=repository, what=what, name=str(name))


def _pull_request(repository: str, event: Part) -> Understood:
    pull = event.part("pull_request")
    number, head = pull.pull_number(), pull.part("head").must_sha("sha")
    merged, is_open = pull.flag("merged") or pull.word("merged_at") is not None, pull.word("state") == "open"
    data = {
        "head_sha": head,
        "base_ref": pull.part("base").must_word("ref"),
        "base_sha": pull.part("base").must_sha("sha"),
        "open": is_open,
        "draft": pull.flag("draft"),
        "merged": merged,
        "merge_sha": pull.sha("merge_commit_sha") if merged else None,  # before the merge it is GitHub's trial
        "merged_by": pull.part("merged_by").word("login"),
        "mergeable_state": pull.word("mergeable_state"),
        "labels": [name for label in pull.parts("labels") if (name := label.word("name")) is not None],
    }
    rank = 2 if merged else int(not is_open)
    at = pull.time("updated_at")
    return Understood(
        sightings=(
            seen(repository, pull_subject(number), Kind.PULL, data, at=at, rank=rank),
            _head(repository, head, number),
        ),
        mentions=frozenset({_mention(repository, "pull", number), _mention(repository, "commit", head)}),
    )


def _head(repository: str, sha: str, number: int) -> Sighting:
    return seen(repository, sha, Kind.HEAD, {}, at=None, item=pull_subject(number))


def _check_run(repository: str, event: Part) -> Understood:
    run = event.part("check_run")
    sha, run_id, app, output = run.must_sha("head_sha"), run.must_number("id"), run.part("app"), run.part("output")
    name, slug = run.must_word("name"), app.word("slug") or ""
    check = CheckRun(
        name=name,
        app=slug,
        status=run.must_word("status"),
        conclusion=run.word("conclusion"),
        url=run.word("html_url") or run.word("details_url"),
        summary=output.word("summary") or output.word("title"),
        completed_at=run.time("completed_at"),
        ours=name == OUR_CHECK and slug != "github-actions",
        app_id=app.number("id") or 0,
        run_id=run_id,
    )
    at = _latest(run.time("started_at"), run.time("completed_at"))
    data = check_data(check)
    item = check_item(data)
    return Understood(
        sightings=(
            seen(repository, sha, Kind.CHECK, data, at=at, item=item, number=run_id, rank=_progress(check)),
            *_heads(repository, sha, run),
        ),
        mentions=_of_commit(repository, sha, run),
    )


def _progress(check: CheckRun) -> int:
    if check.status != "completed":
        return int(check.status == "in_progress")
    return 2 if check.conclusion == "success" else 3


def _heads(repository: str, sha: str, checked: Part) -> list[Sighting]:
    """Only where the commit is that head: the list is of the moment at which the event was sent."""
    pulls = [pull for pull in checked.parts("pull_requests") if pull.part("head").word("sha") == sha]
    return [_head(repository, sha, number) for pull in pulls if (number := pull.number("number")) and number < 2**31]


def _of_commit(repository: str, sha: str, checked: Part) -> frozenset[Mention]:
    numbers = [number for pull in checked.parts("pull_requests") if (number := pull.number("number"))]
    return frozenset({_mention(repository, "commit", sha), *(_mention(repository, "pull", n) for n in numbers)})


def _check_suite(repository: str, event: Part) -> Understood:
    suite = event.part("check_suite")
    return Understood(mentions=_of_commit(repository, suite.must_sha("head_sha"), suite))


def _status(repository: str, event: Part) -> Understood:
    sha, status_id = event.must_sha("sha"), event.must_number("id")
    status = CommitStatus(
        context=event.must_word("context"),
        state=event.must_word("state"),
        url=event.word("target_url"),
        description=event.word("description"),
        status_id=status_id,
    )
    at, data = _latest(event.time("updated_at"), event.time("created_at")), check_data(status)
    return Understood(
        sightings=(seen(repository, sha, Kind.STATUS, data, at=at, item=check_item(data), number=status_id),),
        mentions=frozenset({_mention(repository, "commit", sha)}),
    )


def _review(repository: str, event: Part) -> Understood:
    pull, found = event.part("pull_request"), event.part("review")
    number, review_id, state = pull.pull_number(), found.must_number("id"), found.must_word("state").upper()
    review = Review(
        author=found.login(),
        state=state,
        commit_sha=found.sha("commit_id"),
        submitted_at=found.time("submitted_at"),
        has_write_access=False,
        review_id=review_id,
    )
    # A dismissal leaves the review's own time as it was; the pull request's moves.
    dismissed = state == "DISMISSED"
    at = _latest(review.submitted_at, found.time("updated_at"), pull.time("updated_at") if dismissed else None)
    data = {**asdict(review), "has_write_access": None}  # an event does not say; None is nobody's permission
    subject, item = pull_subject(number), str(review_id)
    return Understood(
        sightings=(seen(repository, subject, Kind.REVIEW, data, at=at, item=item, rank=int(dismissed)),),
        mentions=frozenset({_mention(repository, "pull", number)}),
    )


def _thread(repository: str, event: Part) -> Understood:
    pull, found = event.part("pull_request"), event.part("thread")
    number, thread_id = pull.pull_number(), found.must_word("node_id")
    comments = found.parts("comments")
    first = comments[0] if comments else Part({}, "")
    path, line = first.place()
    thread = Thread(
        thread_id=thread_id,
        is_resolved=event.must_word("action") == "resolved",
        path=path,
        line=line,
        author=first.login(),
        body=first.word("body") or "",
    )
    times = [comment.time("updated_at") for comment in comments]
    at = _latest(event.time("updated_at"), pull.time("updated_at"), *times)
    rank = int(not thread.is_resolved)
    return Understood(
        sightings=(
            seen(repository, pull_subject(number), Kind.THREAD, asdict(thread), at=at, item=thread_id, rank=rank),
        ),
        mentions=frozenset({_mention(repository, "pull", number)}),
    )


def _issue_comment(repository: str, event: Part) -> Understood:
    issue = event.part("issue")
    number, is_new = issue.pull_number(), event.word("action") == "created"
    what = "pull" if issue.part("pull_request").word("url") else "issue"
    return Understood(
        sightings=(_comment(repository, number, event, "issue"),),
        mentions=frozenset({_mention(repository, what, number)}),
        asks=repository if is_new else None,
    )


def _review_comment(repository: str, event: Part) -> Understood:
    return Understood(sightings=(_comment(repository, event.part("pull_request").pull_number(), event, "review"),))


def _comment(repository: str, number: int, event: Part, comment_type: str) -> Sighting:
    """One that was deleted is a sighting without data: nothing later brings it back, and its text is not kept."""
    found = event.part("comment")
    comment_id, deleted = found.must_number("id"), event.word("action") == "deleted"
    created_at = found.time("created_at")
    path, line = found.place()
    data = {
        "comment_id": comment_id,
        "comment_type": comment_type,
        "issue_number": number,
        "thread_id": None,
        "author_login": found.login(),
        "body": found.word("body") or "",
        "path": path,
        "line": line,
        "url": found.word("html_url") or "",
        "created_at": created_at.isoformat() if created_at else found.must_word("created_at"),
    }
    at = _latest(found.time("updated_at"), created_at)
    shown = {} if deleted else data
    return seen(repository, f"comment {comment_id}", Kind.COMMENT, shown, at=at, number=int(deleted))


def _issues(repository: str, event: Part) -> Understood:
    number = event.part("issue").must_number("number")
    return Understood(mentions=frozenset({_mention(repository, "issue", number)}), asks=repository)


def _push(repository: str, event: Part) -> Understood:
    ref = event.must_word("ref")
    if not ref.startswith(_BRANCH):
        return Understood()
    return Understood(mentions=frozenset({_mention(repository, "branch", ref.removeprefix(_BRANCH))}))


_READERS: dict[str, Callable[[str, Part], Understood]] = {
    "pull_request": _pull_request,
    "pull_request_review": _review,
    "pull_request_review_thread": _thread,
    "pull_request_review_comment": _review_comment,
    "check_run": _check_run,
    "check_suite": _check_suite,
    "status": _status,
    "issue_comment": _issue_comment,
    "issues": _issues,
    "push": _push,
}

# Actions that may end a wait; of an event that is not here, every one. Each costs a reading of GitHub.
_ENDING: dict[str, Sequence[str]] = {
    "pull_request": (
        "closed", "reopened", "synchronize", "edited", "labeled", "unlabeled", "ready_for_review", "converted_to_draft",
        "enqueued", "dequeued",
    ),
    "check_run": ("completed", "rerequested"),
    "check_suite": ("completed",),
    "issue_comment": ("created",),
    "issues": ("closed", "reopened", "deleted", "transferred", "labeled", "unlabeled", "edited"),
    "pull_request_review_comment": (),
}  # fmt: skip


def _may_end_a_wait(event_type: str, payload: Json) -> bool:
    if event_type == "status":
        return payload.get("state") != "pending"
    return event_type not in _ENDING or payload.get("action") in _ENDING[event_type]
