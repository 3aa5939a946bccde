"""Which of GitHub's webhook events a change of the world is: one row before and after. What a payload holds is hook_payloads.py."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from oneshot_dagster.local.forge.records import (
    CheckRun,
    Comment,
    CommitStatus,
    Deployment,
    DeploymentStatus,
    Installation,
    Issue,
    Pull,
    Record,
    Review,
    ReviewComment,
    Thread,
    Tip,
)
from oneshot_dagster.local.forge.rule_records import QueueEntry
from oneshot_dagster.local.forge.shapes.people import CI_APP, Json
from oneshot_dagster.local.forge.world import Change

NO_SHA = "0" * 40
GONE = "deleted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One event about a row. `by` is who did it as far as the row tells; `more` is what only the change itself knows.

    An event of an issue is one of a pull request where the number is a pull request's: the rows alone do not say.
    """

    event: str
    action: str | None
    row: Record
    by: str | None = None
    more: Json = field(default_factory=dict[str, object])


def told(changes: Sequence[Change]) -> list[Told]:
    """In the order of the changes; a head that moved while its pull request was closed is told by `reopened` alone."""
    found = [event for change in changes for event in _of(change)]
    reopened = {(e.row.repository, e.row.number) for e in found if isinstance(e.row, Issue) and e.action == "reopened"}
    return [
        event
        for event in found
        if not (
            event.action == "synchronize"
            and isinstance(event.row, Pull)
            and (event.row.repository, event.row.number) in reopened
        )
    ]


def _of(change: Change) -> Iterable[Told]:
    row = change.after or change.before
    read = _READERS.get(type(row)) if row else None
    return read(change.before, change.after) if read else ()


def _issue(before: Issue | None, after: Issue | None) -> Iterator[Told]:
    if after is None:
        return
    if before is None:
        yield Told(event="issues", action="opened", row=after, by=after.author)
        return
    changed: Json = {
        name: {"from": old}
        for name, old, new in (("title", before.title, after.title), ("body", before.body, after.body))
        if old != new
    }
    if changed:
        yield Told(event="issues", action="edited", row=after, more={"changes": changed})
    for action, names in (("unlabeled", _without(before, after)), ("labeled", _without(after, before))):
        for name in names:
            yield Told(event="issues", action=action, row=after, more={"label": name})
    if before.open and not after.open:
        yield Told(event="issues", action="closed", row=after, by=after.closed_by)
    if after.open and not before.open:
        yield Told(event="issues", action="reopened", row=after)


def _without(these: Issue, those: Issue) -> list[str]:
    return [name for name in these.labels if name not in those.labels]


def _pull(before: Pull | None, after: Pull | None) -> Iterator[Told]:
    """Its opening and closing are those of its issue."""
    if before is None or after is None:
        return
    if before.head_sha != after.head_sha:
        ends: Json = {"before": before.head_sha, "after": after.head_sha}
        yield _pull_told("synchronize", after, ends, by=after.pushed_by)
    if before.base_ref != after.base_ref:
        base = {"ref": {"from": before.base_ref}, "sha": {"from": before.base_sha}}
        yield _pull_told("edited", after, {"changes": {"base": base}})
    if before.draft != after.draft:
        yield _pull_told("converted_to_draft" if after.draft else "ready_for_review", after)
    for login in after.reviewers:
        if login not in before.reviewers:
            yield _pull_told("review_requested", after, {"reviewer": login})


def _pull_told(action: str, row: Pull, more: Json | None = None, *, by: str | None = None) -> Told:
    return Told(event="pull_request", action=action, row=row, by=by, more=more or {})


def _comment(before: Comment | None, after: Comment | None) -> Iterator[Told]:
    row = after or before
    if row is None:
        return
    if before is None or after is None:
        yield Told(event="issue_comment", action="deleted" if before else "created", row=row, by=row.author)
    elif before.body != after.body:
        yield Told(event="issue_comment", action="edited", row=after, more={"changes": {"body": {"from": before.body}}})


def _review(before: Review | None, after: Review | None) -> Iterator[Told]:
    if after and before is None:
        yield Told(event="pull_request_review", action="submitted", row=after, by=after.author)
    elif after and before and after.state == "DISMISSED" != before.state:
        yield Told(event="pull_request_review", action="dismissed", row=after)


def _review_comment(before: ReviewComment | None, after: ReviewComment | None) -> Iterator[Told]:
    if after and before is None:
        yield Told(event="pull_request_review_comment", action="created", row=after, by=after.author)


def _thread(before: Thread | None, after: Thread | None) -> Iterator[Told]:
    if before and after and before.resolved_by != after.resolved_by:
        action = "resolved" if after.resolved_by else "unresolved"
        yield Told(event="pull_request_review_thread", action=action, row=after, by=after.resolved_by)


def _check(before: CheckRun | None, after: CheckRun | None) -> Iterator[Told]:
    """Of the forge's CI each run is also one of a workflow; whether that or the suite is complete, the payload finds out."""
    if after is None:
        return
    by = f"{after.app}[bot]"
    if before is None:
        yield Told(event="check_run", action="created", row=after, by=by)
        if after.app == CI_APP:
            yield Told(event="workflow_run", action="requested", row=after, by=by)
    if after.status == "in_progress" and before and before.status == "queued" and after.app == CI_APP:
        yield Told(event="workflow_run", action="in_progress", row=after, by=by)
    if after.status == "completed" and (before is None or before.status != "completed"):
        yield Told(event="check_run", action="completed", row=after, by=by)
        if after.app == CI_APP:
            yield Told(event="workflow_run", action="completed", row=after, by=by)
        yield Told(event="check_suite", action="completed", row=after, by=by)


def _status(before: CommitStatus | None, after: CommitStatus | None) -> Iterator[Told]:
    if after and before is None:
        yield Told(event="status", action=None, row=after, by=after.creator)


def _tip(before: Tip | None, after: Tip | None) -> Iterator[Told]:
    row = after or before
    if row is None or (before and after and before.sha == after.sha):
        return
    ends: Json = {"before": before.sha if before else NO_SHA, "after": after.sha if after else NO_SHA}
    by = after.pushed_by if after else None
    if before is None:
        yield Told(event="create", action=None, row=row, by=by)
    yield Told(event="push", action=None, row=row, by=by, more=ends)
    if after is None:
        yield Told(event="delete", action=None, row=row)


def _deployment(before: Deployment | None, after: Deployment | None) -> Iterator[Told]:
    if after and before is None:
        yield Told(event="deployment", action="created", row=after, by=after.creator)


def _deployment_status(before: DeploymentStatus | None, after: DeploymentStatus | None) -> Iterator[Told]:
    if after and before is None:
        yield Told(event="deployment_status", action="created", row=after, by=after.creator)


def _queued(before: QueueEntry | None, after: QueueEntry | None) -> Iterator[Told]:
    row = after or before
    if row is None:
        return
    if before is None:
        yield Told(event="pull_request", action="enqueued", row=row, by=row.enqueuer)
    if after and after.group_sha and (before is None or before.group_sha != after.group_sha):
        yield Told(event="merge_group", action="checks_requested", row=after)
    if after is None:
        yield Told(event="pull_request", action="dequeued", row=row)
        if row.group_sha:
            yield Told(event="merge_group", action="destroyed", row=row)


def _installation(before: Installation | None, after: Installation | None) -> Iterator[Told]:
    row = after or before
    if row is None:
        return
    if before is None or after is None:
        yield Told(event="installation", action=GONE if before else "created", row=row)
        return
    if before.suspended_at != after.suspended_at:
        action = "suspend" if after.suspended_at else "unsuspend"
        yield Told(event="installation", action=action, row=after, by=after.suspended_by)
    if before.permissions != after.permissions:
        yield Told(event="installation", action="new_permissions_accepted", row=after)
    if before.selected != after.selected:
        old, new = set(before.selected or ()), set(after.selected or ())
        for action, ids in (("added", new - old), ("removed", old - new)):
            if ids:
                yield Told(event="installation_repositories", action=action, row=after, more={"ids": sorted(ids)})


_Reader = Callable[[Record | None, Record | None], Iterator[Told]]
_READERS = cast(
    "Mapping[type[Record], _Reader]",
    {
        Issue: _issue,
        Pull: _pull,
        Comment: _comment,
        Review: _review,
        ReviewComment: _review_comment,
        Thread: _thread,
        CheckRun: _check,
        CommitStatus: _status,
        Tip: _tip,
        Deployment: _deployment,
        DeploymentStatus: _deployment_status,
        QueueEntry: _queued,
        Installation: _installation,
    },
)
