"""Routes: comments on issues and pull requests."""

from dataclasses import replace

from oneshot_dagster.local.forge.auth import may
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid, not_found
from oneshot_dagster.local.forge.records import Comment
from oneshot_dagster.local.forge.shapes import issues as shapes
from oneshot_dagster.local.forge.world import now


def list_comments(call: Call) -> Answer:
    number, since = call.issue().number, call.query.get("since", "")
    rows = [c for c in call.forge.world.all(Comment, call.repository) if c.number == number and c.updated_at >= since]
    return call.page([shapes.comment(call.urls, call.repository, c) for c in rows])


def list_all_comments(call: Call) -> Answer:
    """Of all issues and pull requests. Oldest id first, whatever `direction` says, unless a `sort` is named."""
    since, sort = call.query.get("since", ""), call.query.get("sort", "")
    rows = [c for c in call.forge.world.all(Comment, call.repository) if c.updated_at >= since]
    if sort in {"created", "updated"}:
        backwards = call.query.get("direction", "desc") == "desc"
        rows.sort(key=lambda c: (c.updated_at if sort == "updated" else c.created_at, c.id), reverse=backwards)
    return call.page([shapes.comment(call.urls, call.repository, c) for c in rows])


def create_comment(call: Call) -> Answer:
    issue, world = call.issue(), call.forge.world
    body = call.text("body")
    if not body.strip():
        invalid("body", "missing_field")
    comment = Comment(
        id=world.next_id(),
        repository=call.repository.id,
        number=issue.number,
        author=call.user.login,
        body=body,
        created_at=now(),
        updated_at=now(),
    )
    world.put(comment)
    world.put(replace(issue, updated_at=now()))
    return Answer(status=201, body=shapes.comment(call.urls, call.repository, comment))


def _comment(call: Call) -> Comment:
    found = call.forge.world.get(Comment, call.number("comment"))
    return found if found and found.repository == call.repository.id else not_found()


def get_comment(call: Call) -> Answer:
    return Answer(body=shapes.comment(call.urls, call.repository, _comment(call)))


def _own_comment(call: Call) -> Comment:
    comment = _comment(call)
    if comment.author != call.user.login and not may(call.repository, call.user.login, "write"):
        raise Refusal(403, "Resource not accessible by personal access token")
    return comment


def patch_comment(call: Call) -> Answer:
    edited = call.forge.world.put(replace(_own_comment(call), body=call.text("body"), updated_at=now()))
    return Answer(body=shapes.comment(call.urls, call.repository, edited))


def delete_comment(call: Call) -> Answer:
    call.forge.world.drop(_own_comment(call))
    return Answer(status=204)


_ISSUES = "/repos/{owner}/{repo}/issues"
ENDPOINTS = (
    Endpoint(method="GET", pattern=_ISSUES + "/comments", handler=list_all_comments),
    Endpoint(method="GET", pattern=_ISSUES + "/comments/{comment}", handler=get_comment),
    Endpoint(method="PATCH", pattern=_ISSUES + "/comments/{comment}", handler=patch_comment),
    Endpoint(method="DELETE", pattern=_ISSUES + "/comments/{comment}", handler=delete_comment),
    Endpoint(method="GET", pattern=_ISSUES + "/{number}/comments", handler=list_comments),
    Endpoint(method="POST", pattern=_ISSUES + "/{number}/comments", handler=create_comment),
)
