"""Pages on which a person makes an App from a manifest and installs it, with one button each, as on GitHub."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import parse_qs, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from oneshot_dagster.local.forge import apps, manifests, untyped
from oneshot_dagster.local.forge.auth import may
from oneshot_dagster.local.forge.calls import Refusal, not_found
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.records import App, Installation, Repository
from oneshot_dagster.local.forge.shapes.people import Json

Render = Callable[..., Response]
Form = Mapping[str, Sequence[str]]
_NEW = ("/settings/apps/new", "/organizations/{org}/settings/apps/new")
_FOREIGN = re.compile(r"(?:/organizations/[^/]+)?/settings/apps/new")


def takes_foreign_forms(path: str) -> bool:
    """A manifest is posted from the page of whoever wants the App; it only leads to a page of ours with the button."""
    return _FOREIGN.fullmatch(path) is not None


def routes(forge: Forge, render: Render) -> list[Route]:
    """`render(template, values, status=…, form_action=…)` makes the page."""
    pages = _AppPages(forge, render)
    answers = [Route(path, _bound(pages.ask), methods=["GET", "POST"]) for path in _NEW]
    answers += [Route(path.removesuffix("/new"), _bound(pages.agree, own=True), methods=["POST"]) for path in _NEW]
    installing = "/apps/{slug}/installations/new"
    return [
        *answers,
        Route("/apps/{slug}", _bound(pages.show)),
        Route(installing, _bound(pages.choose), methods=["GET"]),
        Route(installing, _bound(pages.install, own=True), methods=["POST"]),
    ]


def _bound(
    handler: Callable[[Request, Form], Response], *, own: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """`own`: only from our own pages, where a browser names the origin and the app has refused foreign ones."""

    async def answer(request: Request) -> Response:
        if own and "origin" not in request.headers:
            return Response("send forms from the forge's own pages", 403)
        form = parse_qs((await request.body()).decode(), keep_blank_values=True)
        try:
            return await run_in_threadpool(handler, request, form)
        except Refusal as refusal:
            return Response(refusal.message, refusal.status)

    return answer


class _AppPages:
    def __init__(self, forge: Forge, render: Render) -> None:
        self._forge, self._render = forge, render

    def ask(self, request: Request, form: Form) -> Response:
        manifest = _manifest(form)
        about: Json = {
            "app_owner": self._app_owner(request),
            "action": request.url.path.removesuffix("/new"),
            "here": request.url.path,
            "state": request.query_params.get("state", ""),
        }
        if request.method == "GET":
            return self._render("new_app.html", about)
        wrong = self._problems(manifest)
        shown = about | {"problems": wrong, "manifest": manifest, "text": json.dumps(manifest)}
        return self._render("new_app.html", shown, status=422 if wrong else 200, form_action=_redirect(manifest))

    def agree(self, request: Request, form: Form) -> Response:
        manifest = {**_manifest(form), "name": _one(form, "name")}
        wrong = self._problems(manifest)
        if wrong:
            raise Refusal(422, "; ".join(wrong))
        with self._forge.writing, self._forge.world.change():
            code = manifests.agree(self._forge.world, self._app_owner(request), manifest)
        state = _one(form, "state")
        return _sent(_redirect(manifest), {"code": code} | ({"state": state} if state else {}))

    def _problems(self, manifest: Mapping[str, object]) -> list[str]:
        missing = [] if manifest.get("redirect_url") else ["Redirect url must be given"]
        return missing + manifests.problems(self._forge.world, manifest)

    def _app_owner(self, request: Request) -> str:
        return str(request.path_params.get("org", self._forge.config.owner))

    def _app(self, request: Request) -> App:
        return apps.by_slug(self._forge.world, str(request.path_params["slug"])) or not_found()

    def show(self, request: Request, _: Form) -> Response:
        app, world = self._app(request), self._forge.world
        homes = [i for i in world.all(Installation) if i.app == app.id]
        on = [{"account": i.account, "repositories": [r.name for r in apps.repositories(world, i)]} for i in homes]
        return self._render("app.html", {"app": app, "homes": on})

    def choose(self, request: Request, _: Form) -> Response:
        app, state = self._app(request), request.query_params.get("state", "")
        accounts = {account: [r.name for r in mine] for account, mine in self._accounts().items()}
        shown: Json = {"app": app, "accounts": accounts, "state": state}
        return self._render("install_app.html", shown, form_action=app.setup_url)

    def _accounts(self) -> dict[str, list[Repository]]:
        """What the person may give an App: the repositories of which they are an admin, by account."""
        found: dict[str, list[Repository]] = {}
        for repo in self._forge.world.all(Repository):
            if may(repo, self._forge.config.owner, "admin"):
                found.setdefault(repo.owner, []).append(repo)
        return found

    def install(self, request: Request, form: Form) -> Response:
        app, account = self._app(request), _one(form, "account")
        mine = self._accounts().get(account) or not_found()
        chosen = [r.id for r in mine if r.name in form.get("repository", ())]
        some = _one(form, "selection") == "selected"
        if some and not chosen:
            raise Refusal(422, "Select at least one repository")
        with self._forge.writing, self._forge.world.change():
            home = apps.install(self._forge.world, app, account, selected=chosen if some else None)
        state = _one(form, "state")
        if app.setup_url is None:
            return RedirectResponse(f"/apps/{app.slug}", 303)
        told = {"installation_id": str(home.id), "setup_action": "install"} | ({"state": state} if state else {})
        return _sent(app.setup_url, told)


def _one(form: Form, name: str) -> str:
    return (form.get(name) or [""])[-1]


def _manifest(form: Form) -> dict[str, object]:
    try:
        return untyped.mapping(json.loads(_one(form, "manifest"))) or {}
    except ValueError:
        return {}


def _redirect(manifest: Mapping[str, object]) -> str:
    return str(manifest.get("redirect_url") or "")


def _sent(url: str, told: Mapping[str, str]) -> Response:
    return RedirectResponse(f"{url}{'&' if '?' in url else '?'}{urlencode(told)}", 303)
