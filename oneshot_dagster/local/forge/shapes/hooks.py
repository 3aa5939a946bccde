"""Webhooks as GitHub shows them, and what their payloads have that its REST answers have not, or have otherwise."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.records import CheckRun, Delivery, Hook, Repository
from oneshot_dagster.local.forge.repos import CommitFacts
from oneshot_dagster.local.forge.shapes.people import Json, Urls, simple_user, stable_id
from oneshot_dagster.local.forge.shapes.repositories import repository

_HIDDEN = "********"
_NEVER: Json = {"code": None, "status": "unused", "message": None}
_LONGEST_LIST = 2048
_NEWER = {"opened", "closed", "reopened", "edited", "converted_to_draft", "ready_for_review"}
_REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def hook(urls: Urls, repo: Repository, row: Hook, last: Delivery | None) -> Json:
    me = f"{urls.repository(repo)}/hooks/{row.id}"
    return {
        "type": "Repository",
        "id": row.id,
        "name": "web",
        "active": row.active,
        "events": list(row.events),
        "config": config(row),
        "updated_at": row.updated_at,
        "created_at": row.created_at,
        "url": me,
        "test_url": f"{me}/test",
        "ping_url": f"{me}/pings",
        "deliveries_url": f"{me}/deliveries",
        "last_response": _last_response(last) if last else _NEVER,
    }


def config(row: Hook) -> Json:
    shown: Json = {"content_type": row.content_type, "insecure_ssl": row.insecure_ssl, "url": row.url}
    return shown | ({"secret": _HIDDEN} if row.secret else {})


def _last_response(row: Delivery) -> Json:
    return {"code": row.status_code, "status": "active" if row.status == "OK" else "failed", "message": row.status}


def delivery_item(row: Delivery) -> Json:
    return {
        "id": row.id,
        "guid": row.guid,
        "delivered_at": row.sent_at,
        "redelivery": row.redelivery,
        "duration": row.duration,
        "status": row.status,
        "status_code": row.status_code,
        "event": row.event,
        "action": row.action,
        "installation_id": row.installation or None,
        "repository_id": row.repository or None,
        "throttled_at": None,
    }


def delivery(row: Delivery, url: str) -> Json:
    return {
        **delivery_item(row),
        "url": url,
        "request": {"headers": row.sent, "payload": json.loads(row.payload)},
        "response": {"headers": row.answered, "payload": row.answer},
    }


def label(shown: Json) -> Json:
    """Of the REST answer for one."""
    return {name: value for name, value in shown.items() if not name.startswith("archived_")}


def issue(shown: Json) -> Json:
    """Of the REST answer for one."""
    kept = {name: value for name, value in shown.items() if name != "closed_by"}
    labels = [label(one) for one in untyped.mappings(shown["labels"])]
    more: Json = {"assignee": None, "active_lock_reason": None, "reactions": reactions(str(shown["url"]))}
    return {**kept, **more, "labels": labels}


def pull(urls: Urls, repo: Repository, shown: Json, *, event: str | None = None) -> Json:
    """Of the REST answer for one. Some of the events know no assignee and no downloads any more."""
    older, home = ({}, _end_place(urls, repo)) if event in _NEWER else ({"assignee": None}, pulled_place(urls, repo))
    ends = {name: {**(untyped.mapping(shown[name]) or {}), "repo": home} for name in ("head", "base")}
    labels = [label(one) for one in untyped.mappings(shown["labels"])]
    return {**shown, **ends, **older, "active_lock_reason": None, "labels": labels}


def place(urls: Urls, repo: Repository) -> Json:
    """The repository as every payload carries it."""
    return {**repository(urls, repo), "has_downloads": True, "custom_properties": {}}


def pushed_place(urls: Urls, repo: Repository) -> Json:
    """In a push, where two of its times are numbers and its owner has a name."""
    owner = {**simple_user(urls, repo.owner), "name": repo.owner, "email": None}
    times = {"created_at": _seconds(repo.created_at), "pushed_at": _seconds(repo.pushed_at)}
    return {
        **pulled_place(urls, repo),
        **times,
        "custom_properties": {},
        "owner": owner,
        "stargazers": 0,
        "master_branch": repo.default_branch,
    }


def pulled_place(urls: Urls, repo: Repository) -> Json:
    """At both ends of a pull request."""
    return {**_end_place(urls, repo), "has_downloads": True}


def _end_place(urls: Urls, repo: Repository) -> Json:
    whole = repository(urls, repo)
    return {name: value for name, value in whole.items() if not name.startswith(("squash_", "merge_commit"))}


def lite_place(urls: Urls, repo: Repository) -> Json:
    """Of a workflow run: names and addresses of the API."""
    named = {"id", "node_id", "name", "full_name", "private", "owner", "description", "fork", "url"}
    foreign = {"clone_url", "git_url", "ssh_url", "svn_url", "mirror_url"}
    whole = repository(urls, repo)
    return {n: v for n, v in whole.items() if n in named or (n.endswith("_url") and n not in foreign)}


def small_place(repo: Repository) -> Json:
    return {
        "id": repo.id,
        "node_id": f"R_{repo.id}",
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
    }


def _seconds(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).timestamp())


def reactions(url: str) -> Json:
    return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(_REACTIONS, 0)}


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedCommit:
    """With the files that it adds, removes and changes."""

    sha: str
    facts: CommitFacts
    added: Sequence[str]
    removed: Sequence[str]
    modified: Sequence[str]


def pushed_commit(urls: Urls, repo: Repository, row: PushedCommit) -> Json:
    who: Json = {"name": row.facts.author.name, "email": row.facts.author.email}
    return {
        "id": row.sha,
        "tree_id": row.facts.tree,
        "distinct": True,
        "message": row.facts.message.rstrip("\n"),
        "timestamp": row.facts.authored_at,
        "url": f"{urls.page(repo)}/commit/{row.sha}",
        "author": who,
        "committer": who,
        "added": list(row.added[:_LONGEST_LIST]),
        "removed": list(row.removed[:_LONGEST_LIST]),
        "modified": list(row.modified[:_LONGEST_LIST]),
    }


def simple_commit(sha: str, facts: CommitFacts) -> Json:
    who: Json = {"name": facts.author.name, "email": facts.author.email}
    return {
        "id": sha,
        "tree_id": facts.tree,
        "message": facts.message.rstrip("\n"),
        "timestamp": facts.authored_at,
        "author": who,
        "committer": who,
    }


def status_commit(urls: Urls, repo: Repository, sha: str, facts: CommitFacts) -> Json:
    """As a status carries it: like the REST answer for a commit, without its files."""
    api, page = urls.repository(repo), urls.page(repo)
    who: Json = {"name": facts.author.name, "email": facts.author.email, "date": facts.authored_at}
    unsigned = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
    commit: Json = {
        "author": who,
        "committer": who,
        "message": facts.message.rstrip("\n"),
        "tree": {"sha": facts.tree, "url": f"{api}/git/trees/{facts.tree}"},
        "url": f"{api}/git/commits/{sha}",
        "comment_count": 0,
        "verification": unsigned,
    }
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "commit": commit,
        "url": f"{api}/commits/{sha}",
        "html_url": f"{page}/commit/{sha}",
        "comments_url": f"{api}/commits/{sha}/comments",
        "author": None,
        "committer": None,
        "parents": [{"sha": p, "url": f"{api}/commits/{p}", "html_url": f"{page}/commit/{p}"} for p in facts.parents],
    }


def short_suite(shown: Json, *, status: str) -> Json:
    """As a check run carries it."""
    longer = {"check_runs_url", "head_commit", "latest_check_runs_count", "rerequestable", "runs_rerequestable"}
    kept = {name: value for name, value in shown.items() if name not in longer}
    return {**kept, "status": status, "conclusion": shown["conclusion"] if status == "completed" else None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """The check runs of one app at one SHA."""

    runs: Sequence[CheckRun]
    branch: str | None
    commit: CommitFacts
    app: Json
    pulls: list[Json]


def check_suite(urls: Urls, repo: Repository, row: Suite) -> Json:
    first = row.runs[0]
    number = stable_id(f"{first.app}{first.head_sha}")
    me = f"{urls.repository(repo)}/check-suites/{number}"
    bad = [r.conclusion for r in row.runs if r.conclusion not in {"success", "skipped", "neutral"}]
    return {
        "id": number,
        "node_id": f"CS_{number}",
        "head_branch": row.branch,
        "head_sha": first.head_sha,
        "status": "completed",
        "conclusion": bad[0] if bad else "success",
        "url": me,
        "before": row.commit.parents[0] if row.commit.parents else None,
        "after": first.head_sha,
        "pull_requests": row.pulls,
        "app": row.app,
        "created_at": first.started_at or repo.created_at,
        "updated_at": max(r.completed_at or repo.created_at for r in row.runs),
        "rerequestable": True,
        "runs_rerequestable": False,
        "latest_check_runs_count": len(row.runs),
        "check_runs_url": f"{me}/check-runs",
        "head_commit": simple_commit(first.head_sha, row.commit),
    }
