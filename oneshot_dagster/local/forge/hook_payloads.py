"""What GitHub's webhooks say of an event: the payload without its sender, read from the world as it is at the commit.
Which event a change is, is hook_events.py; who hears of it, hooks.py."""

from collections.abc import Callable, Mapping

from oneshot_dagster.local.forge import apps, hook_git
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.hook_events import Told
from oneshot_dagster.local.forge.records import (
    App,
    Comment,
    Deployment,
    DeploymentStatus,
    Installation,
    Issue,
    Pull,
    Record,
    Repository,
    Review,
    ReviewComment,
    Thread,
)
from oneshot_dagster.local.forge.repos import Comparison, GitFailed
from oneshot_dagster.local.forge.rule_records import QueueEntry
from oneshot_dagster.local.forge.shapes import apps as app_shapes
from oneshot_dagster.local.forge.shapes import checks as check_shapes
from oneshot_dagster.local.forge.shapes import hooks as shapes
from oneshot_dagster.local.forge.shapes import issues as issue_shapes
from oneshot_dagster.local.forge.shapes import pulls as pull_shapes
from oneshot_dagster.local.forge.shapes.people import Json, simple_user

_APPS_ALONE = {"installation", "installation_repositories"}


def payload(forge: Forge, told: Told) -> Json | None:
    """None where the change is no event after all: a suite that still runs, a pull request's second opening."""
    if told.event in _APPS_ALONE:
        return _of_installation(forge, told)
    repo = forge.world.get(Repository, told.row.repository)
    said = _BODIES[told.event](forge, repo, told) if repo else None
    if repo is None or said is None:
        return None
    action: Json = {"action": told.action} if told.action else {}
    place = shapes.pushed_place if told.event == "push" else shapes.place
    return {**action, **said, "repository": place(forge.urls, repo)}


def event_of(forge: Forge, told: Told) -> str:
    """An issue's row is a pull request's where its number is."""
    repo = forge.world.get(Repository, told.row.repository)
    if told.event == "issues" and isinstance(told.row, Issue) and repo and forge.world.pull(repo, told.row.number):
        return "pull_request"
    return told.event


def _about_issue(forge: Forge, repo: Repository, told: Told) -> Json | None:
    if not isinstance(told.row, Issue):
        return None
    row = forge.world.get(Issue, told.row.id) or told.row
    return {"issue": _issue(forge, repo, row), **_more(forge, repo, told)}


def _about_pull(forge: Forge, repo: Repository, told: Told) -> Json | None:
    number = told.row.number if isinstance(told.row, Issue | Pull | QueueEntry) else 0
    row = _row(forge, repo, number)
    if row is None:
        return None
    shown = shapes.pull(forge.urls, repo, _pull(forge, repo, row), event=told.action)
    said: Json = {"number": number, "pull_request": shown}
    if told.action == "dequeued":
        said["reason"] = "MERGE" if row.pull.merged_at or row.pull.landing else "UNKNOWN_REMOVAL_REASON"
    return {**said, **_more(forge, repo, told)}


def _more(forge: Forge, repo: Repository, told: Told) -> Json:
    said = dict(told.more)
    if "label" in said:
        shown = issue_shapes.label(forge.urls, repo, forge.world.label(repo, str(said["label"])))
        said["label"] = shapes.label(shown)
    if "reviewer" in said:
        said["requested_reviewer"] = simple_user(forge.urls, str(said.pop("reviewer")))
    return said


def _issue(forge: Forge, repo: Repository, row: Issue) -> Json:
    world = forge.world
    parts = issue_shapes.IssueParts(
        labels=tuple(world.label(repo, name) for name in row.labels),
        comments=sum(c.number == row.number for c in world.all(Comment, repo)),
        pull=world.pull(repo, row.number),
    )
    shown = issue_shapes.issue(forge.urls, repo, row, parts)
    return shapes.issue(shown)


def _row(forge: Forge, repo: Repository, number: int) -> pull_shapes.PullRow | None:
    issue, pull = forge.world.issue(repo, number), forge.world.pull(repo, number)
    if issue is None or pull is None:
        return None
    labels = tuple(forge.world.label(repo, name) for name in issue.labels)
    return pull_shapes.PullRow(issue=issue, pull=pull, labels=labels)


def _pull(forge: Forge, repo: Repository, row: pull_shapes.PullRow) -> Json:
    """Whether it can be merged is never known yet, as with GitHub's."""
    state = pull_shapes.PullState(
        mergeable_state="unknown",
        mergeable=None,
        comments=sum(c.number == row.pull.number for c in forge.world.all(Comment, repo)),
        review_comments=sum(c.number == row.pull.number for c in forge.world.all(ReviewComment, repo)),
        comparison=_comparison(forge, repo, row.pull),
    )
    return pull_shapes.pull_full(forge.urls, repo, row, state)


def _comparison(forge: Forge, repo: Repository, pull: Pull) -> Comparison | None:
    """Not computed where the forge was asked to be slow about it: whoever asks next would find it known."""
    path, base, head = forge.repos.path(repo.owner, repo.name), pull.base_sha, pull.head_sha
    if forge.config.lazy_mergeable and not forge.repos.compared(path, base, head):
        return None
    try:
        return forge.repos.compare(path, base, head)
    except (GitFailed, ValueError):  # a commit that is gone
        return None


def _simple_pull(forge: Forge, repo: Repository, number: int) -> Json | None:
    row = _row(forge, repo, number)
    return shapes.pull(forge.urls, repo, pull_shapes.pull_simple(forge.urls, repo, row)) if row else None


def _about_comment(forge: Forge, repo: Repository, told: Told) -> Json | None:
    row = told.row
    issue = forge.world.issue(repo, row.number) if isinstance(row, Comment) else None
    if issue is None or not isinstance(row, Comment):
        return None
    shown = issue_shapes.comment(forge.urls, repo, row)
    shown["reactions"] = shapes.reactions(str(shown["url"]))
    return {"issue": _issue(forge, repo, issue), "comment": shown, **told.more}


def _about_review(forge: Forge, repo: Repository, told: Told) -> Json | None:
    row = told.row
    pull = _simple_pull(forge, repo, row.number) if isinstance(row, Review) else None
    if pull is None or not isinstance(row, Review):
        return None
    shown = pull_shapes.review(forge.urls, repo, row)
    return {"review": {**shown, "state": row.state.lower(), "body": row.body or None}, "pull_request": pull}


def _about_review_comment(forge: Forge, repo: Repository, told: Told) -> Json | None:
    row = told.row
    pull = _simple_pull(forge, repo, row.number) if isinstance(row, ReviewComment) else None
    if pull is None or not isinstance(row, ReviewComment):
        return None
    return {"comment": _review_comment(forge, repo, row), "pull_request": pull}


def _about_thread(forge: Forge, repo: Repository, told: Told) -> Json | None:
    row = told.row
    pull = _simple_pull(forge, repo, row.number) if isinstance(row, Thread) else None
    if pull is None or not isinstance(row, Thread):
        return None
    said = [c for c in forge.world.all(ReviewComment, repo) if c.thread == row.id]
    thread = {"node_id": f"PRRT_{row.id}", "comments": [_review_comment(forge, repo, c) for c in said]}
    return {"thread": thread, "pull_request": pull}


def _review_comment(forge: Forge, repo: Repository, row: ReviewComment) -> Json:
    thread = forge.world.get(Thread, row.thread) or Thread(id=row.thread, number=row.number, path="", line=None)
    shown = pull_shapes.review_comment(forge.urls, repo, row, thread)
    ends = {"start_line": None, "original_start_line": None, "start_side": None, "position": None}
    me = shapes.reactions(str(shown["url"]))
    return {**shown, **ends, "original_position": 1, "subject_type": "line", "reactions": me}


def _about_deployment(forge: Forge, repo: Repository, told: Told) -> Json | None:
    if not isinstance(told.row, Deployment):
        return None
    shown = check_shapes.deployment(forge.urls, repo, told.row)
    return {"deployment": shown, "workflow": None, "workflow_run": None}


def _about_deployment_status(forge: Forge, repo: Repository, told: Told) -> Json | None:
    row = told.row
    parent = forge.world.get(Deployment, row.deployment) if isinstance(row, DeploymentStatus) else None
    if parent is None or not isinstance(row, DeploymentStatus):
        return None
    return {
        "deployment_status": check_shapes.deployment_status(forge.urls, repo, row, parent.environment),
        "deployment": check_shapes.deployment(forge.urls, repo, parent),
        "check_run": None,
        "workflow": None,
        "workflow_run": None,
    }


def _of_installation(forge: Forge, told: Told) -> Json | None:
    """To the App itself, whatever it asked to hear."""
    home = told.row
    app = forge.world.get(App, home.app) if isinstance(home, Installation) else None
    if app is None or not isinstance(home, Installation):
        return None
    organization = forge.world.user(home.account) is None
    shown = app_shapes.installation(forge.urls, home, app, organization=organization)
    said: Json = {"action": told.action, "installation": shown, "requester": None}
    if told.event == "installation":
        return {**said, "repositories": [shapes.small_place(r) for r in apps.repositories(forge.world, home)]}
    ids = told.more.get("ids")
    moved = [shapes.small_place(r) for r in forge.world.all(Repository) if isinstance(ids, list) and r.id in ids]
    return {
        **said,
        "repository_selection": shown["repository_selection"],
        "repositories_added": moved if told.action == "added" else [],
        "repositories_removed": moved if told.action == "removed" else [],
    }


def owner_of(forge: Forge, row: Record) -> str:
    """Who is taken for the sender where nobody is known to have done it."""
    if isinstance(row, Installation):
        return row.account
    repo = forge.world.get(Repository, row.repository)
    return repo.owner if repo else forge.config.owner


_Body = Callable[[Forge, Repository, Told], Json | None]
_BODIES: Mapping[str, _Body] = {
    "issues": _about_issue,
    "pull_request": _about_pull,
    "issue_comment": _about_comment,
    "pull_request_review": _about_review,
    "pull_request_review_comment": _about_review_comment,
    "pull_request_review_thread": _about_thread,
    "deployment": _about_deployment,
    "deployment_status": _about_deployment_status,
    **hook_git.BODIES,
}
