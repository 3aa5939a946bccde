"""Routes: check runs and commit statuses. Two APIs, as on GitHub: the combined status knows no check runs."""

from collections.abc import Mapping
from dataclasses import replace

from oneshot_dagster.local.forge.apps import by_slug
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid, not_found
from oneshot_dagster.local.forge.mergeability import latest_checks, latest_statuses
from oneshot_dagster.local.forge.records import CheckRun, CommitStatus, Pull
from oneshot_dagster.local.forge.repos import SHA
from oneshot_dagster.local.forge.shapes import checks as shapes
from oneshot_dagster.local.forge.shapes.actions import annotations
from oneshot_dagster.local.forge.shapes.apps import integration
from oneshot_dagster.local.forge.shapes.people import Json, app
from oneshot_dagster.local.forge.shapes.repositories import minimal
from oneshot_dagster.local.forge.world import now

_CONCLUSIONS = {"success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required", "stale"}
_STATES = {"error", "failure", "pending", "success"}


def resolve(call: Call, ref: str) -> str:
    """A SHA or a branch, as a commit that is there; 422 as GitHub for others."""
    path = call.forge.repos.path(call.repository.owner, call.repository.name)
    if SHA.fullmatch(ref) and call.forge.repos.has(path, ref):
        return ref
    sha = call.forge.repos.head(path, ref.removeprefix("refs/heads/").removeprefix("heads/"))
    if sha is None:
        raise Refusal(422, f"No commit found for SHA: {ref}")
    return sha


def _shown(call: Call, check: CheckRun) -> Json:
    pulls = [p for p in call.forge.world.all(Pull, call.repository) if p.head_sha == check.head_sha]
    body, made_by = shapes.check_run(call.urls, call.repository, check, pulls), by_slug(call.forge.world, check.app)
    return {**body, "app": integration(call.urls, made_by)} if made_by else body


def create_check(call: Call) -> Answer:
    check = CheckRun(
        id=call.forge.world.next_id(),
        repository=call.repository.id,
        app=call.user.login.removesuffix("[bot]"),
        name=call.text("name"),
        head_sha=resolve(call, call.text("head_sha")),
        status="queued",
    )
    return Answer(status=201, body=_shown(call, call.forge.world.put(_changed(call, check))))


def _check(call: Call) -> CheckRun:
    found = call.forge.world.get(CheckRun, call.number("check"))
    return found if found and found.repository == call.repository.id else not_found()


def update_check(call: Call) -> Answer:
    check = _check(call)
    if check.app != call.user.login.removesuffix("[bot]"):
        raise Refusal(403, "Invalid app_id `0` - check run can only be modified by the GitHub App that created it.")
    return Answer(body=_shown(call, call.forge.world.put(_changed(call, check))))


def _changed(call: Call, check: CheckRun) -> CheckRun:
    """What the body says, over what stands; a conclusion completes."""
    conclusion = call.text("conclusion", check.conclusion or "") or None
    status = "completed" if call.body.get("conclusion") else call.text("status", check.status)
    if conclusion not in {*_CONCLUSIONS, None} or status not in {"queued", "in_progress", "completed"}:
        invalid("conclusion" if conclusion not in {*_CONCLUSIONS, None} else "status", "invalid")
    if status == "completed" and conclusion is None:
        invalid("conclusion", "missing_field")
    output: Mapping[str, object] = call.mapping("output") or {}
    texts = {name: str(output[name]) for name in ("title", "summary", "text") if output.get(name) is not None}
    return replace(
        check,
        name=call.text("name", check.name),
        status=status,
        conclusion=conclusion,
        external_id=call.text("external_id", check.external_id),
        details_url=call.text("details_url", check.details_url or "") or None,
        started_at=call.text("started_at", check.started_at or now()),
        completed_at=call.text("completed_at", now()) if status == "completed" else None,
        title=texts.get("title", check.title),
        summary=texts.get("summary", check.summary),
        text=texts.get("text", check.text),
    )


def get_check(call: Call) -> Answer:
    return Answer(body=_shown(call, _check(call)))


def list_annotations(call: Call) -> Answer:
    return call.page(annotations(call.urls, call.repository, _check(call)))


def list_checks(call: Call) -> Answer:
    sha, query = resolve(call, call.path["ref"]), call.query
    rows = [c for c in call.forge.world.all(CheckRun, call.repository) if c.head_sha == sha]
    if query.get("filter", "latest") == "latest":
        rows = latest_checks(rows)
    rows = [
        c
        for c in rows
        if query.get("check_name", c.name) == c.name
        and query.get("status", c.status) == c.status
        and query.get("app_id") in {None, str(app(call.urls, c.app)["id"])}
    ]
    return call.page([_shown(call, c) for c in rows], wrap="check_runs")


def create_status(call: Call) -> Answer:
    state = call.text("state")
    if state not in _STATES:
        invalid("state", "invalid")
    status = CommitStatus(
        id=call.forge.world.next_id(),
        repository=call.repository.id,
        sha=resolve(call, call.path["sha"]),
        context=call.text("context", "default"),
        state=state,
        creator=call.user.login,
        created_at=now(),
        description=call.text("description", "") or None,
        target_url=call.text("target_url", "") or None,
    )
    call.forge.world.put(status)
    return Answer(status=201, body=shapes.commit_status(call.urls, call.repository, status))


def _statuses(call: Call, sha: str) -> list[CommitStatus]:
    return [s for s in call.forge.world.all(CommitStatus, call.repository) if s.sha == sha]


def list_statuses(call: Call) -> Answer:
    """All of them, newest first; the first of a context is its latest."""
    rows = reversed(_statuses(call, resolve(call, call.path["ref"])))
    return call.page([shapes.commit_status(call.urls, call.repository, s) for s in rows])


def combined_status(call: Call) -> Answer:
    sha = resolve(call, call.path["ref"])
    rows = latest_statuses(_statuses(call, sha))
    page = call.page([shapes.simple_status(call.urls, call.repository, s) for s in rows])
    api = call.urls.repository(call.repository)
    body: Json = {
        "state": _combined({s.state for s in rows}),
        "statuses": page.body,
        "sha": sha,
        "total_count": len(rows),
        "repository": minimal(call.urls, call.repository),
        "commit_url": f"{api}/commits/{sha}",
        "url": f"{api}/commits/{sha}/status",
    }
    return replace(page, body=body)


def _combined(states: set[str]) -> str:
    if states & {"error", "failure"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


_REPO = "/repos/{owner}/{repo}"
ENDPOINTS = (
    Endpoint(method="POST", pattern=_REPO + "/check-runs", handler=create_check, needs="write"),
    Endpoint(method="GET", pattern=_REPO + "/check-runs/{check}", handler=get_check),
    Endpoint(method="GET", pattern=_REPO + "/check-runs/{check}/annotations", handler=list_annotations),
    Endpoint(method="PATCH", pattern=_REPO + "/check-runs/{check}", handler=update_check, needs="write"),
    Endpoint(method="GET", pattern=_REPO + "/commits/{ref:path}/check-runs", handler=list_checks),
    Endpoint(method="POST", pattern=_REPO + "/statuses/{sha}", handler=create_status, needs="write"),
    Endpoint(method="GET", pattern=_REPO + "/commits/{ref:path}/statuses", handler=list_statuses),
    Endpoint(method="GET", pattern=_REPO + "/commits/{ref:path}/status", handler=combined_status),
)
