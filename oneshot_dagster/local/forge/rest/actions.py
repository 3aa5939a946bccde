"""Routes: GitHub Actions over the forge's own CI. A job has the number of its check run."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, not_found
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.records import CheckRun, Pull
from oneshot_dagster.local.forge.shapes import actions as shapes
from oneshot_dagster.local.forge.shapes.people import CI_APP

_LOGS = "/_logs/{key}"


def job_log(call: Call) -> Answer:
    """Sends to an address that works once, without a token; there is none before the job has ended."""
    check = call.forge.world.get(CheckRun, call.number("job"))
    mine = check and (check.repository, check.app) == (call.repository.id, CI_APP)
    if check is None or not mine or check.status != "completed":
        not_found()
    key = call.forge.downloads.offer(check.id)
    return Answer(status=302, headers={"location": f"{call.urls.site}{_LOGS.format(key=key)}"})


def routes(forge: Forge) -> list[Route]:
    async def download(request: Request) -> Response:
        number = forge.downloads.take(request.path_params["key"])
        check = forge.world.get(CheckRun, number) if number else None
        if check is None:
            return PlainTextResponse("The specified resource does not exist.", 404)
        return PlainTextResponse(await run_in_threadpool(shapes.log, check))

    return [Route(_LOGS, download)]


def list_runs(call: Call) -> Answer:
    """Newest first; of all filters `head_sha` alone is imitated."""
    wanted = call.query.get("head_sha")
    found: dict[tuple[str, str], list[CheckRun]] = {}
    for check in call.forge.world.all(CheckRun, call.repository):
        if check.app == CI_APP and wanted in {None, check.head_sha}:
            found.setdefault((check.head_sha, check.external_id.partition(":")[0]), []).append(check)
    branches = {p.head_sha: p.head_ref for p in call.forge.world.all(Pull, call.repository)}
    path = call.forge.repos.path(call.repository.owner, call.repository.name)
    runs = [
        shapes.Run(file=file, number=i, jobs=jobs, branch=branches.get(sha), commit=call.forge.repos.facts(path, sha))
        for i, ((sha, file), jobs) in enumerate(found.items(), start=1)
    ]
    shown = [shapes.workflow_run(call.urls, call.repository, run) for run in reversed(runs)]
    return call.page(shown, wrap="workflow_runs")


def list_workflows(call: Call) -> Answer:
    """Those of the default branch."""
    repo = call.repository
    head = call.forge.repos.head(call.forge.repos.path(repo.owner, repo.name), repo.default_branch)
    named = call.forge.ci.names(repo, head) if head else []
    return call.page([shapes.workflow(call.urls, repo, file, name) for file, name in named], wrap="workflows")


_ACTIONS = "/repos/{owner}/{repo}/actions"
ENDPOINTS = (
    Endpoint(method="GET", pattern=_ACTIONS + "/jobs/{job}/logs", handler=job_log),
    Endpoint(method="GET", pattern=_ACTIONS + "/runs", handler=list_runs),
    Endpoint(method="GET", pattern=_ACTIONS + "/workflows", handler=list_workflows),
)
