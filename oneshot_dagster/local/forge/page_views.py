"""What the pages show, as plain values for the templates."""

import re

from oneshot_dagster.local.forge.calls import not_found
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.mergeability import latest_checks
from oneshot_dagster.local.forge.records import (
    CheckRun,
    Comment,
    Issue,
    Pull,
    Repository,
    Review,
    ReviewComment,
    Thread,
)
from oneshot_dagster.local.forge.shapes.people import Json
from oneshot_dagster.local.forge.standing import live

_HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
_LABEL = "oneshot"


def index_view(forge: Forge, name: str | None) -> Json:
    repositories = [r for r in forge.world.all(Repository) if name in {None, r.full_name}]
    return {"places": [_place(forge, r) for r in repositories]}


def _place(forge: Forge, repository: Repository) -> Json:
    found = [(i, forge.world.pull(repository, i.number)) for i in forge.world.all(Issue, repository)]
    newest = list(reversed(found))
    return {
        "name": repository.full_name,
        "clone_url": f"{forge.urls.page(repository)}.git",
        "pulls": [_pull_line(forge, repository, i, p) for i, p in newest if p],
        "issues": [_issue_line(repository, i) for i, p in newest if not p],
    }


def _issue_line(repository: Repository, issue: Issue) -> Json:
    return {
        "number": issue.number,
        "url": f"/{repository.full_name}/issues/{issue.number}",
        "title": issue.title,
        "state": "open" if issue.open else "closed",
        "labels": issue.labels,
        "can_label": issue.open and _LABEL not in issue.labels,
    }


def _pull_line(forge: Forge, repository: Repository, issue: Issue, pull: Pull) -> Json:
    return {
        "number": issue.number,
        "url": f"/{repository.full_name}/pull/{issue.number}",
        "title": issue.title,
        "state": _state(issue, pull),
        "checks": _checks(forge, repository, pull.head_sha),
    }


def _state(issue: Issue, pull: Pull | None) -> str:
    if pull and pull.merged_at:
        return "merged"
    return "open" if issue.open else "closed"


def thread_view(forge: Forge, repository: Repository, issue: Issue) -> Json:
    pull = forge.world.pull(repository, issue.number)
    checks = _checks(forge, repository, pull.head_sha) if pull else []
    return {
        "repository": repository.full_name,
        "number": issue.number,
        "title": issue.title,
        "author": issue.author,
        "body": _HIDDEN.sub("", issue.body),
        "state": _state(issue, pull),
        "labels": issue.labels,
        "can_label": pull is None and issue.open and _LABEL not in issue.labels,
        "pull": _pull(forge, repository, pull) if pull else None,
        "checks": checks,
        "refresh": any(c["word"] in {"queued", "in_progress"} for c in checks),
        "entries": _entries(forge, repository, issue.number),
    }


def _pull(forge: Forge, repository: Repository, pull: Pull) -> Json:
    found = live(forge, repository, pull)
    return {
        "head_ref": pull.head_ref,
        "head_sha": found.pull.head_sha,
        "base_ref": pull.base_ref,
        "word": found.word,
        "merge_sha": pull.merge_sha,
        "merged_by": pull.merged_by,
        "can_merge": found.word in {"clean", "unstable"},
    }


def _checks(forge: Forge, repository: Repository, sha: str) -> list[Json]:
    rows = latest_checks([c for c in forge.world.all(CheckRun, repository) if c.head_sha == sha])
    return [_check(repository, c) for c in rows]


def _check(repository: Repository, check: CheckRun) -> Json:
    return {
        "name": check.name,
        "word": check.conclusion or check.status,
        "url": f"/{repository.full_name}/runs/{check.id}",
        "title": check.title,
        "sha": check.head_sha,
        "log": check.text or check.log or check.summary,
    }


def check_view(forge: Forge, repository: Repository, number: int) -> Json:
    check = forge.world.get(CheckRun, number)
    if check is None or check.repository != repository.id:
        not_found()
    return {"check": _check(repository, check), "refresh": check.status != "completed"}


def _entries(forge: Forge, repository: Repository, number: int) -> list[Json]:
    """Comments, reviews and review comments, as they came."""
    world = forge.world
    found = [
        (c.id, _entry(c.author, "", _HIDDEN.sub("", c.body)))
        for c in world.all(Comment, repository)
        if c.number == number
    ]
    found += [
        (r.id, _entry(r.author, r.state.lower().replace("_", " "), r.body))
        for r in world.all(Review, repository)
        if r.number == number
    ]
    found += [
        (c.id, _entry(c.author, _place_of(world.get(Thread, c.thread)), c.body))
        for c in world.all(ReviewComment, repository)
        if c.number == number
    ]
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]


def _entry(author: str, what: str, body: str) -> Json:
    return {"author": author, "what": what, "body": body}


def _place_of(thread: Thread | None) -> str:
    if thread is None:
        return ""
    return f"on {thread.path}:{thread.line}" + (" (resolved)" if thread.resolved_by else "")
