"""Routes: what an App does for itself with its JWT, what its installation token tells about itself, manifests."""

from dataclasses import replace

from oneshot_dagster.local.forge import apps, manifests, untyped
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, invalid, not_found
from oneshot_dagster.local.forge.records import App, Installation, Repository
from oneshot_dagster.local.forge.shapes import apps as shapes
from oneshot_dagster.local.forge.shapes.people import Json
from oneshot_dagster.local.forge.shapes.repositories import repository
from oneshot_dagster.local.forge.world import now


def _me(call: Call) -> App:
    return call.app or not_found()


def _mine(call: Call) -> list[Installation]:
    return [i for i in call.forge.world.all(Installation) if i.app == _me(call).id]


def _home(call: Call) -> Installation:
    return next((i for i in _mine(call) if i.id == call.number("installation")), None) or not_found()


def shown(call: Call, home: Installation) -> Json:
    app = call.forge.world.get(App, home.app) or not_found()
    return shapes.installation(call.urls, home, app, organization=call.forge.world.user(home.account) is None)


def get_app(call: Call) -> Answer:
    return Answer(body=shapes.integration(call.urls, _me(call), installations=len(_mine(call))))


def get_app_by_slug(call: Call) -> Answer:
    app = apps.by_slug(call.forge.world, call.path["slug"]) or not_found()
    return Answer(body=shapes.integration(call.urls, app))


def list_installations(call: Call) -> Answer:
    return call.page([shown(call, home) for home in _mine(call)])


def get_installation(call: Call) -> Answer:
    return Answer(body=shown(call, _home(call)))


def delete_installation(call: Call) -> Answer:
    apps.uninstall(call.forge.world, _home(call))
    return Answer(status=202)


def suspend(call: Call) -> Answer:
    apps.suspend(call.forge.world, _home(call), by=call.user.login)
    return Answer(status=204)


def unsuspend(call: Call) -> Answer:
    apps.suspend(call.forge.world, _home(call), by=None)
    return Answer(status=204)


def repository_installation(call: Call) -> Answer:
    place = call.forge.world.repository(call.path["owner"], call.path["repo"]) or not_found()
    home = apps.installation_of(call.forge.world, _me(call), place) or not_found()
    return Answer(body=shown(call, home))


def account_installation(call: Call) -> Answer:
    wanted = call.path["account"].lower()
    home = next((i for i in _mine(call) if i.account.lower() == wanted), None) or not_found()
    return Answer(body=shown(call, home))


def create_token(call: Call) -> Answer:
    world, home = call.forge.world, _home(call)
    asked = call.body.get("permissions")
    wanted = None if asked is None else apps.levels(asked)
    if asked is not None and wanted is None:
        invalid("permissions", "invalid")
    plain, row = apps.issue_token(world, home, permissions=wanted, chosen=_chosen(call, home))
    chosen = [r for r in apps.repositories(world, home) if r.id in (row.repositories or ())]
    return Answer(status=201, body=shapes.token(call.urls, plain, row, chosen))


def _chosen(call: Call, home: Installation) -> list[int] | None:
    """By name or by id; a name that the installation does not reach is the id 0, which nothing has."""
    if call.body.get("repositories") is None and call.body.get("repository_ids") is None:
        return None
    ids = untyped.sequence(call.body.get("repository_ids")) or []
    reached = {r.name: r.id for r in apps.repositories(call.forge.world, home)}
    return [i for i in ids if isinstance(i, int)] + [reached.get(name, 0) for name in call.words("repositories")]


def get_hook(call: Call) -> Answer:
    return Answer(body=shapes.hook_config(_me(call)))


def patch_hook(call: Call) -> Answer:
    app = _me(call)
    changed = replace(
        app,
        hook_url=call.text("url", app.hook_url or "") or None,
        hook_secret=call.text("secret", app.hook_secret or "") or None,
        hook_content_type=call.text("content_type", app.hook_content_type),
        updated_at=now(),
    )
    return Answer(body=shapes.hook_config(call.forge.world.put(changed)))


def own_repositories(call: Call) -> Answer:
    reached = [call.forge.world.get(Repository, number) for number in call.user.repositories or ()]
    home = call.forge.world.get(Installation, call.user.installation) or not_found()
    page = call.page([repository(call.urls, r, permission="write") for r in reached if r], wrap="repositories")
    selection = "all" if home.selected is None else "selected"
    return replace(page, body={**(untyped.mapping(page.body) or {}), "repository_selection": selection})


def revoke_token(call: Call) -> Answer:
    apps.revoke(call.forge.world, call.user.token)
    return Answer(status=204)


def convert_manifest(call: Call) -> Answer:
    made = manifests.convert(call.forge.world, call.path["code"]) or not_found()
    secrets: Json = {"client_secret": made.client_secret, "webhook_secret": made.app.hook_secret, "pem": made.pem}
    return Answer(status=201, body={**shapes.integration(call.urls, made.app), **secrets})


_INSTALLATION = "/app/installations/{installation}"
ENDPOINTS = (
    Endpoint(method="GET", pattern="/app", handler=get_app, needs=""),
    Endpoint(method="GET", pattern="/apps/{slug}", handler=get_app_by_slug, needs=""),
    Endpoint(method="GET", pattern="/app/hook/config", handler=get_hook, needs=""),
    Endpoint(method="PATCH", pattern="/app/hook/config", handler=patch_hook, needs=""),
    Endpoint(method="GET", pattern="/app/installations", handler=list_installations, needs=""),
    Endpoint(method="GET", pattern=_INSTALLATION, handler=get_installation, needs=""),
    Endpoint(method="DELETE", pattern=_INSTALLATION, handler=delete_installation, needs=""),
    Endpoint(method="PUT", pattern=_INSTALLATION + "/suspended", handler=suspend, needs=""),
    Endpoint(method="DELETE", pattern=_INSTALLATION + "/suspended", handler=unsuspend, needs=""),
    Endpoint(method="POST", pattern=_INSTALLATION + "/access_tokens", handler=create_token, needs=""),
    Endpoint(method="GET", pattern="/repos/{owner}/{repo}/installation", handler=repository_installation, needs=""),
    Endpoint(method="GET", pattern="/users/{account}/installation", handler=account_installation, needs=""),
    Endpoint(method="GET", pattern="/orgs/{account}/installation", handler=account_installation, needs=""),
    Endpoint(method="GET", pattern="/installation/repositories", handler=own_repositories, needs=""),
    Endpoint(method="DELETE", pattern="/installation/token", handler=revoke_token, needs=""),
    Endpoint(method="POST", pattern="/app-manifests/{code}/conversions", handler=convert_manifest, needs=""),
)
