"""Pull requests, reviews and review comments as GitHub shows them since API 2026-03-10 (no merge_commit_sha)."""

from dataclasses import dataclass

from oneshot_dagster.local.forge.records import Issue, Label, Pull, Repository, Review, ReviewComment, Thread
from oneshot_dagster.local.forge.repos import Comparison
from oneshot_dagster.local.forge.shapes.issues import association, label
from oneshot_dagster.local.forge.shapes.people import Json, Urls, simple_user
from oneshot_dagster.local.forge.shapes.repositories import repository

_LINK_NAMES = {
    "comments": "comments_url",
    "commits": "commits_url",
    "statuses": "statuses_url",
    "html": "html_url",
    "issue": "issue_url",
    "review_comments": "review_comments_url",
    "review_comment": "review_comment_url",
    "self": "url",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PullRow:
    """A pull request with the issue of its number; its SHAs are live."""

    issue: Issue
    pull: Pull
    labels: tuple[Label, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PullState:
    """What the single-PR answer says beyond the list's. `comparison` None: the commits are gone."""

    mergeable_state: str
    mergeable: bool | None
    comments: int
    review_comments: int
    comparison: Comparison | None


def pull_simple(urls: Urls, repo: Repository, row: PullRow) -> Json:
    issue, pull = row.issue, row.pull
    links = _links(urls, repo, pull)
    return {
        **links,
        "id": pull.id,
        "node_id": f"PR_{pull.id}",
        "number": pull.number,
        "state": "open" if issue.open else "closed",
        "locked": False,
        "title": issue.title,
        "user": simple_user(urls, issue.author),
        "body": issue.body,
        "labels": [label(urls, repo, x) for x in row.labels],
        "milestone": None,
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
        "merged_at": pull.merged_at,
        "assignees": [],
        "requested_reviewers": [simple_user(urls, login) for login in pull.reviewers],
        "requested_teams": [],
        "draft": pull.draft,
        "head": _end(urls, repo, pull.head_ref, pull.head_sha),
        "base": _end(urls, repo, pull.base_ref, pull.base_sha),
        "_links": {name: {"href": links[key]} for name, key in _LINK_NAMES.items()},
        "author_association": association(repo, issue.author),
        "auto_merge": None,
    }


def pull_full(urls: Urls, repo: Repository, row: PullRow, state: PullState) -> Json:
    compared, merged_by = state.comparison, row.pull.merged_by
    return {
        **pull_simple(urls, repo, row),
        "merged": row.pull.merged_at is not None,
        "mergeable": state.mergeable,
        "rebaseable": state.mergeable,
        "mergeable_state": state.mergeable_state,
        "merged_by": simple_user(urls, merged_by) if merged_by else None,
        "comments": state.comments,
        "review_comments": state.review_comments,
        "maintainer_can_modify": False,
        "commits": compared.ahead if compared else 0,
        "additions": compared.additions if compared else 0,
        "deletions": compared.deletions if compared else 0,
        "changed_files": compared.changed_files if compared else 0,
    }


def _links(urls: Urls, repo: Repository, pull: Pull) -> Json:
    api, page = urls.repository(repo), f"{urls.page(repo)}/pull/{pull.number}"
    me, issue = f"{api}/pulls/{pull.number}", f"{api}/issues/{pull.number}"
    return {
        "url": me,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "commits_url": f"{me}/commits",
        "review_comments_url": f"{me}/comments",
        "review_comment_url": f"{api}/pulls/comments{{/number}}",
        "comments_url": f"{issue}/comments",
        "statuses_url": f"{api}/statuses/{pull.head_sha}",
    }


def _end(urls: Urls, repo: Repository, ref: str, sha: str) -> Json:
    return {
        "label": f"{repo.owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "repo": repository(urls, repo),
        "user": simple_user(urls, repo.owner),
    }


def review(urls: Urls, repo: Repository, row: Review) -> Json:
    page = f"{urls.page(repo)}/pull/{row.number}#pullrequestreview-{row.id}"
    pull = f"{urls.repository(repo)}/pulls/{row.number}"
    return {
        "id": row.id,
        "node_id": f"PRR_{row.id}",
        "user": simple_user(urls, row.author),
        "body": row.body,
        "state": row.state,
        "html_url": page,
        "pull_request_url": pull,
        "_links": {"html": {"href": page}, "pull_request": {"href": pull}},
        "submitted_at": row.submitted_at,
        "commit_id": row.commit_sha,
        "author_association": association(repo, row.author),
    }


def timeline_review(urls: Urls, repo: Repository, row: Review) -> Json:
    return {**review(urls, repo, row), "event": "reviewed", "state": row.state.lower()}


def review_comment(urls: Urls, repo: Repository, row: ReviewComment, thread: Thread) -> Json:
    me = f"{urls.repository(repo)}/pulls/comments/{row.id}"
    page = f"{urls.page(repo)}/pull/{row.number}#discussion_r{row.id}"
    pull = f"{urls.repository(repo)}/pulls/{row.number}"
    answer: Json = {"in_reply_to_id": row.in_reply_to} if row.in_reply_to else {}
    return answer | {
        "url": me,
        "pull_request_review_id": None,
        "id": row.id,
        "node_id": f"PRRC_{row.id}",
        "diff_hunk": "",
        "path": thread.path,
        "line": thread.line,
        "original_line": thread.original_line or thread.line,
        "side": "RIGHT",
        "commit_id": row.commit_sha,
        "original_commit_id": row.commit_sha,
        "user": simple_user(urls, row.author),
        "body": row.body,
        "created_at": row.created_at,
        "updated_at": row.created_at,
        "html_url": page,
        "pull_request_url": pull,
        "author_association": association(repo, row.author),
        "_links": {"self": {"href": me}, "html": {"href": page}, "pull_request": {"href": pull}},
    }
