"""Issues, labels, comments and the timeline as GitHub shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from oneshot_dagster.local.forge.records import Comment, Event, Issue, Label, Pull, Repository
from oneshot_dagster.local.forge.shapes.people import Json, Urls, simple_user


def association(repo: Repository, login: str) -> str:
    if login == repo.owner:
        return "OWNER"
    return "COLLABORATOR" if repo.permissions.get(login, "none") != "none" else "NONE"


def label(urls: Urls, repo: Repository, row: Label) -> Json:
    return {
        "id": row.id,
        "node_id": f"LA_{row.id}",
        "url": f"{urls.repository(repo)}/labels/{quote(row.name, safe='')}",
        "name": row.name,
        "description": row.description,
        "color": row.color,
        "default": False,
        "archived_at": None,
        "archived_by": None,
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueParts:
    """What an issue's shape needs beside its row."""

    labels: tuple[Label, ...]
    comments: int
    pull: Pull | None


def issue(urls: Urls, repo: Repository, row: Issue, parts: IssueParts) -> Json:
    me = f"{urls.repository(repo)}/issues/{row.number}"
    kind = "pull" if parts.pull else "issues"
    shown: Json = {
        "id": row.id,
        "node_id": f"I_{row.id}",
        "url": me,
        "repository_url": urls.repository(repo),
        "labels_url": f"{me}/labels{{/name}}",
        "comments_url": f"{me}/comments",
        "events_url": f"{me}/events",
        "html_url": f"{urls.page(repo)}/{kind}/{row.number}",
        "number": row.number,
        "state": "open" if row.open else "closed",
        "state_reason": row.state_reason,
        "title": row.title,
        "body": row.body,
        "user": simple_user(urls, row.author),
        "labels": [label(urls, repo, x) for x in parts.labels],
        "assignees": [],
        "milestone": None,
        "locked": False,
        "comments": parts.comments,
        "closed_at": row.closed_at,
        "closed_by": simple_user(urls, row.closed_by) if row.closed_by else None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "author_association": association(repo, row.author),
    }
    return shown | ({"pull_request": _pull_links(urls, repo, parts.pull)} if parts.pull else {})


def _pull_links(urls: Urls, repo: Repository, pull: Pull) -> Json:
    page = f"{urls.page(repo)}/pull/{pull.number}"
    return {
        "url": f"{urls.repository(repo)}/pulls/{pull.number}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "merged_at": pull.merged_at,
    }


def comment(urls: Urls, repo: Repository, row: Comment) -> Json:
    return {
        "id": row.id,
        "node_id": f"IC_{row.id}",
        "url": f"{urls.repository(repo)}/issues/comments/{row.id}",
        "html_url": f"{urls.page(repo)}/issues/{row.number}#issuecomment-{row.id}",
        "issue_url": f"{urls.repository(repo)}/issues/{row.number}",
        "body": row.body,
        "user": simple_user(urls, row.author),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "author_association": association(repo, row.author),
        "performed_via_github_app": None,
    }


def timeline_event(urls: Urls, repo: Repository, row: Event, colors: Mapping[str, str]) -> Json:
    shown: Json = {
        "id": row.id,
        "node_id": f"EV_{row.id}",
        "url": f"{urls.repository(repo)}/issues/events/{row.id}",
        "actor": simple_user(urls, row.actor),
        "event": row.event,
        "commit_id": row.commit_sha,
        "commit_url": f"{urls.repository(repo)}/commits/{row.commit_sha}" if row.commit_sha else None,
        "created_at": row.created_at,
        "performed_via_github_app": None,
    }
    named: Json = {"label": {"name": row.label, "color": colors.get(row.label or "", "ededed")}}
    return shown | (named if row.label else {}) | _about(urls, row)


def _about(urls: Urls, row: Event) -> Json:
    about = row.about
    if row.event == "renamed":
        return {"rename": {"from": about["from"], "to": about["to"]}}
    if row.event == "review_requested":
        return {
            "review_requester": simple_user(urls, row.actor),
            "requested_reviewer": simple_user(urls, about["reviewer"]),
        }
    if row.event == "review_dismissed":
        told: Json = {"state": about["state"], "review_id": int(about["review"])}
        told["dismissal_message"] = about.get("message")
        return {"dismissed_review": told | ({"dismissal_commit_id": about["commit"]} if "commit" in about else {})}
    return {}


def timeline_comment(urls: Urls, repo: Repository, row: Comment) -> Json:
    return {**comment(urls, repo, row), "event": "commented", "actor": simple_user(urls, row.author)}
