"""GitHub's JSON to our values, reading only the fields that we use: a field added or dropped elsewhere breaks nothing.
Anything missing raises KeyError and the like; answers.read says what that means."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from oneshot_dagster.domain.gate import CheckRun, CommitStatus, Review, Thread
from oneshot_dagster.domain.gate_conditions import OUR_CHECK
from oneshot_dagster.services.github.answers import Json, as_object, part
from oneshot_dagster.services.github.protocol import Comment, Edit, Issue, Pull, ReviewText, TimelineEvent

GHOST = "ghost"  # GitHub's own name for an account that is gone
WRITERS = frozenset({"admin", "maintain", "write"})
_ROLES = WRITERS | {"triage", "read", "none"}


def login_of(user: Json | None) -> str:
    return str(user["login"]) if user else GHOST


def is_bot(user: Json | None) -> bool:
    return bool(user) and user.get("type") == "Bot"


def time_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def issue(body: Json) -> Issue:
    return Issue(
        number=int(body["number"]),
        title=str(body["title"]),
        body=str(body.get("body") or ""),
        author=login_of(body.get("user")),
        open=body["state"] == "open",
        labels=labels_of(body),
        is_pull_request=bool(body.get("pull_request")),
        url=str(body["html_url"]),
        updated_at=datetime.fromisoformat(body["updated_at"]),
    )


def edit(node: Json) -> Edit | None:
    at = time_of(node["lastEditedAt"])
    return Edit(editor=part(node, "editor").get("login"), at=at) if at else None


def labels_of(body: Json) -> tuple[str, ...]:
    """GitHub gives a label as an object or, in old answers, as a bare name."""
    return tuple(str(label if isinstance(label, str) else label["name"]) for label in body.get("labels") or ())


def comment(body: Json) -> Comment:
    return Comment(
        comment_id=int(body["id"]),
        number=int(str(body["issue_url"]).rpartition("/")[2]),
        author=login_of(body.get("user")),
        by_bot=is_bot(body.get("user")),
        body=str(body.get("body") or ""),
        created_at=datetime.fromisoformat(body["created_at"]),
        updated_at=datetime.fromisoformat(body["updated_at"]),
        url=str(body["html_url"]),
    )


def timeline_event(body: Json) -> TimelineEvent | None:
    """None for the few kinds without a time of their own, such as comments on a line.

    A review has its own names for who and when; a commit has no account, but an author and a committer.
    """
    at = time_of(body.get("created_at") or body.get("submitted_at") or part(body, "committer").get("date"))
    if at is None:
        return None
    actor = part(body, "actor") or part(body, "user")
    label: object = part(body, "label").get("name")
    return TimelineEvent(
        event=str(body["event"]),
        actor=str(actor["login"]) if actor else None,
        at=at,
        label=str(label) if label else None,
        commit_sha=body.get("commit_id") or body.get("sha"),
        by_bot=is_bot(actor),
    )


def pull(body: Json, *, merge_sha: str | None = None, merged_by: str | None = None) -> Pull:
    """`merge_sha` and `merged_by` are not in REST's answers (any more, or not in lists): they come from GraphQL."""
    return Pull(
        number=int(body["number"]),
        url=str(body["html_url"]),
        head_ref=str(body["head"]["ref"]),
        head_sha=str(body["head"]["sha"]),
        base_ref=str(body["base"]["ref"]),
        open=body["state"] == "open",
        merged=is_merged(body),
        merge_sha=merge_sha,
        merged_by=merged_by,
    )


def has_head(repository: str, branch: str) -> Callable[[Json], bool]:
    def holds(body: Json) -> bool:
        head: Json = body["head"]
        return head["ref"] == branch and str(part(head, "repo").get("full_name")).lower() == repository.lower()

    return holds


def is_merged(body: Json) -> bool:
    """A list has `merged_at` alone."""
    return bool(body.get("merged") or body.get("merged_at"))


def merge_sha(graph: Json) -> str | None:
    """Of GraphQL's pull request; REST's has no such field since API version 2026-03-10."""
    commit: Json = part(graph, "mergeCommit")
    return commit.get("oid")


def merged_by(graph: Json, body: Json) -> str | None:
    """REST's name first: GraphQL calls an App by its slug, without the `[bot]` of its login."""
    user: Json = part(body, "merged_by") or part(graph, "mergedBy")
    return user.get("login")


def mergeable_state(graph: Json, body: Json) -> str | None:
    """GitHub works it out in the background: until REST's `mergeable` is known, its state is not, and GraphQL's may be."""
    state: str | None = body.get("mergeable_state")
    if state not in {None, "unknown"} and body.get("mergeable") is not None:
        return state
    later: str | None = graph.get("mergeStateStatus")
    return later.lower() if later else "unknown"


def deployment_keys(page: Sequence[Json]) -> dict[str, int]:
    """Ids by the `key` that we put in the payload, which GitHub gives back as an object or as its text."""
    found: dict[str, int] = {}
    for body in page:
        payload: object = body.get("payload")
        if isinstance(payload, str):
            payload = json.loads(payload) if payload.startswith("{") else {}
        if "key" in as_object(payload):
            found.setdefault(str(as_object(payload)["key"]), int(body["id"]))
    return found


def permission(body: Json) -> str:
    """`role_name` tells maintain and triage apart; a role of the organisation's own has only the plain one."""
    role = str(body.get("role_name") or "")
    return role if role in _ROLES else str(body["permission"])


def check_run(body: Json) -> CheckRun:
    output: Json = part(body, "output")
    name, app = str(body["name"]), str(part(body, "app").get("slug") or "")
    return CheckRun(
        name=name,
        app=app,
        status=str(body["status"]),
        conclusion=body.get("conclusion"),
        url=body.get("html_url") or body.get("details_url"),
        summary=output.get("summary") or output.get("title"),
        completed_at=time_of(body.get("completed_at")),
        # A workflow's job may bear our name; it is the repository's and counts like any other.
        ours=name == OUR_CHECK and app != "github-actions",
        app_id=int(part(body, "app").get("id") or 0),
        run_id=int(body.get("id") or 0),
    )


def check_text(body: Json) -> str:
    return str(part(body, "output").get("text") or "")


def check_summary(body: Json) -> str:
    output: Json = part(body, "output")
    return str(output.get("summary") or output.get("title") or "")


def annotation(body: Json) -> str:
    """As compilers write it."""
    return f"{body.get('path')}:{body.get('start_line')}: {body.get('annotation_level')}: {body.get('message')}"


def commit_status(body: Json) -> CommitStatus:
    return CommitStatus(
        context=str(body["context"]),
        state=str(body["state"]),
        url=body.get("target_url"),
        description=body.get("description"),
        status_id=int(body.get("id") or 0),
    )


def review(body: Json) -> Review:
    """Whether its author has write access is asked for elsewhere."""
    return Review(
        author=login_of(body.get("user")),
        state=str(body["state"]).upper(),
        commit_sha=body.get("commit_id"),
        submitted_at=time_of(body.get("submitted_at")),
        has_write_access=False,
        review_id=int(body.get("id") or 0),
    )


def review_text(body: Json) -> ReviewText:
    return ReviewText(
        author=login_of(body.get("user")),
        state=str(body["state"]).upper(),
        body=str(body["body"]),
        commit_sha=body.get("commit_id"),
    )


def thread(node: Json) -> Thread:
    comments: list[Json] = node["comments"]["nodes"]
    first: Json = comments[0] if comments else {}
    return Thread(
        thread_id=str(node["id"]),
        is_resolved=bool(node["isResolved"]),
        path=node.get("path"),
        line=node.get("line"),
        author=login_of(first.get("author")),
        body=str(first.get("body") or ""),
    )
