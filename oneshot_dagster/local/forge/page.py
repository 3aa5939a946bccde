"""The forge's pages, for people: what is there, and the few things a person does (open, label, merge).
Buttons act as the owner without a login: loopback only, and only from our own pages."""

from collections.abc import Awaitable, Callable
from importlib.resources import files
from urllib.parse import parse_qs

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from oneshot_dagster.local.forge import hooks, page_apps, untyped
from oneshot_dagster.local.forge.calls import Answer, Call, Handler, Refusal, not_found
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.manifests import origin
from oneshot_dagster.local.forge.page_views import check_view, index_view, thread_view
from oneshot_dagster.local.forge.rest import issues, pulls
from oneshot_dagster.local.forge.shapes.people import Json

_SAFE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
View = Callable[[Forge, Request], tuple[str, Json]]
Page = Callable[[Request], Awaitable[Response]]


def routes(forge: Forge) -> list[Route]:
    pages = _Pages(forge)
    return [
        *page_apps.routes(forge, pages.render),
        Route("/", pages.show(_index)),
        Route("/{owner}/{repo}/runs/{check:int}", pages.show(_check)),
        Route("/{owner}/{repo}/issues/{number:int}", pages.show(_thread)),
        Route("/{owner}/{repo}/pull/{number:int}", pages.show(_thread)),
        Route("/{owner}/{repo}", pages.show(_index)),
        Route("/{owner}/{repo}/issues", pages.act(issues.create_issue, {}), methods=["POST"]),
        Route(
            "/{owner}/{repo}/issues/{number:int}/label",
            pages.act(issues.add_labels, {"labels": ["oneshot"]}),
            methods=["POST"],
        ),
        Route(
            "/{owner}/{repo}/pull/{number:int}/merge",
            pages.act(pulls.merge, {"merge_method": "squash"}, atomic=False),
            methods=["POST"],
        ),
    ]


class _Pages:
    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        folder = files("oneshot_dagster.local.forge").joinpath("templates")
        loader = jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text())
        self._templates = jinja2.Environment(loader=loader, autoescape=True)

    def show(self, view: View) -> Page:
        async def answer(request: Request) -> Response:
            return await run_in_threadpool(self._shown, view, request)

        return answer

    def _shown(self, view: View, request: Request, *, status: int = 200, problem: str | None = None) -> Response:
        try:
            template, values = view(self._forge, request)
        except Refusal as refusal:
            return HTMLResponse(refusal.message, refusal.status, _SAFE)
        return self.render(template, {**values, "problem": problem}, status=status)

    def render(self, template: str, values: Json, *, status: int = 200, form_action: str | None = None) -> Response:
        """`form_action`: where a form of the page leads beyond us."""
        beyond = origin(form_action or "")
        policy = _SAFE["content-security-policy"]
        headers = {
            **_SAFE,
            "content-security-policy": policy.replace("'self'", f"'self' {beyond}" if beyond else "'self'"),
        }
        about: Json = {"owner": self._forge.config.owner, "null_ci": self._forge.config.null_ci}
        return HTMLResponse(self._templates.get_template(template).render(**about, **values), status, headers)

    def act(self, handler: Handler, fixed: Json, *, atomic: bool = True) -> Page:
        async def answer(request: Request) -> Response:
            if "origin" not in request.headers:  # a browser always names it on a form; the app has refused foreign ones
                return HTMLResponse("send forms from the forge's own pages", 403, _SAFE)
            form = {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
            return await run_in_threadpool(self._done, handler, request, {**form, **fixed}, atomic)

        return answer

    def _done(self, handler: Handler, request: Request, body: Json, atomic: bool) -> Response:  # noqa: FBT001
        try:
            done = self._as_owner(handler, request, body, atomic=atomic)
        except Refusal as refusal:
            if "number" not in request.path_params:
                return HTMLResponse(refusal.message, refusal.status, _SAFE)
            return self._shown(_thread, request, status=refusal.status, problem=refusal.message)
        made = untyped.mapping(done.body) or {}
        number = request.path_params.get("number") or made["number"]  # pyright: ignore[reportUnknownVariableType]
        kind = "pull" if request.url.path.endswith("/merge") else "issues"
        place = f"/{request.path_params['owner']}/{request.path_params['repo']}"
        return RedirectResponse(f"{place}/{kind}/{number}", 303)

    def _as_owner(self, handler: Handler, request: Request, body: Json, *, atomic: bool) -> Answer:
        world, path = self._forge.world, {name: str(value) for name, value in request.path_params.items()}
        owner = world.user(self._forge.config.owner) or not_found()
        request.scope["forge.user"] = owner
        hooks.acting.set(owner.login)
        place = world.repository(path["owner"], path["repo"]) or not_found()
        call = Call(forge=self._forge, user=owner, place=place, target="", path=path, query={}, body=body)
        if not atomic:
            with self._forge.writing:
                return handler(call)
        with self._forge.writing, world.change():
            return handler(call)


def _index(forge: Forge, request: Request) -> tuple[str, Json]:
    wanted = request.path_params.get("repo")
    name = f"{request.path_params['owner']}/{wanted}" if wanted else None
    return "index.html", index_view(forge, name)


def _thread(forge: Forge, request: Request) -> tuple[str, Json]:
    path = request.path_params
    repository = forge.world.repository(path["owner"], path["repo"]) or not_found()
    issue = forge.world.issue(repository, path["number"]) or not_found()
    return "thread.html", thread_view(forge, repository, issue)


def _check(forge: Forge, request: Request) -> tuple[str, Json]:
    path = request.path_params
    repository = forge.world.repository(path["owner"], path["repo"]) or not_found()
    return "check.html", check_view(forge, repository, path["check"])
