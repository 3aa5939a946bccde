"""Routes: merges in GitHub's own time."""

from oneshot_dagster.local.forge import async_merges, background, merge_queue
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid, not_found
from oneshot_dagster.local.forge.rule_records import AsyncMerge
from oneshot_dagster.local.forge.shapes.people import Json

_ACTIONS = ("default", "direct_merge", "merge_queue")


def merge_async(call: Call) -> Answer:
    """Only the state of the pull request is looked at now."""
    _refuse_where_unknown(call)
    pull, issue, asked = call.pull(), call.issue(), _asked(call)
    if pull.merged_at:
        said = {"message": "Pull request was already merged", "sha": pull.merge_sha}
        return Answer(body={"status": "merged", "details": said})
    if merge_queue.entry(call.forge, call.repository, pull.number):
        return Answer(body={"status": "enqueued", "details": {"message": "Pull request is already in the merge queue"}})
    if not issue.open or pull.draft:
        said = "Pull Request is still a draft" if issue.open else "Pull Request is closed"
        return Answer(status=400, body={"status": "failed", "details": {"message": said}})
    known = async_merges.pending(call.forge, call.repository, pull.number)
    if known:
        return Answer(status=409, body=_shown(known, "A merge request is already pending for this pull request"))
    row = async_merges.ask(call.forge, call.repository, pull, asked, call.user.login)
    background.wake(call.forge)
    return Answer(status=202, body=_shown(row, "Merge request accepted"))


def _asked(call: Call) -> async_merges.Asked:
    action, method = call.text("merge_action", "default"), call.text("merge_method", "") or None
    if action not in _ACTIONS:
        invalid("merge_action", "invalid")
    if method not in {None, "merge", "squash", "rebase"}:
        invalid("merge_method", "invalid")
    if action == "merge_queue" and merge_queue.settings(call.forge, call.repository, call.pull().base_ref) is None:
        raise Refusal(422, "Validation Failed", ["The base branch has no merge queue"])
    return async_merges.Asked(
        sha=call.text("sha", "") or None,
        method=method,
        title=call.text("commit_title", "") or None,
        message=call.text("commit_message") if call.body.get("commit_message") is not None else None,
        action=action,
        bypass=call.body.get("bypass_rules") is True,
    )


def merge_async_result(call: Call) -> Answer:
    _refuse_where_unknown(call)
    found = async_merges.find(call.forge, call.repository, call.number("number"), call.path["uuid"])
    return Answer(body=_shown(found or not_found(), async_merges.PENDING))


def _refuse_where_unknown(call: Call) -> None:
    """A server that is older than asynchronous merges answers so."""
    if not async_merges.switches(call.forge).offered:
        not_found()


def _shown(row: AsyncMerge, waiting: str) -> Json:
    if row.status == "merged":
        return {"status": "merged", "details": {"message": row.said, "sha": row.merge_sha}}
    if row.status != "pending":
        return {"status": row.status, "details": {"message": row.said}}
    return {
        "status": "pending",
        "details": {
            "message": waiting,
            "uuid": row.uuid,
            "merge_method": row.method or "default",
            "merge_action": row.action,
            "expected_head_sha": row.sha,
            "bypass_rules": row.bypass,
        },
    }


_MERGE = "/repos/{owner}/{repo}/pulls/{number}/merge-async"
ENDPOINTS = (
    Endpoint(method="PUT", pattern=_MERGE, handler=merge_async, needs="write"),
    Endpoint(method="GET", pattern=_MERGE + "/{uuid}", handler=merge_async_result),
)
