"""Routes under /_forge/: Apps as a test wants them, and what their owners do to them on GitHub's pages."""

from dataclasses import replace

from oneshot_dagster.local.forge import apps, manifests
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, invalid, not_found
from oneshot_dagster.local.forge.records import App, Installation, InstallationToken
from oneshot_dagster.local.forge.rest.apps import shown
from oneshot_dagster.local.forge.rest.controls import admin
from oneshot_dagster.local.forge.shapes import apps as shapes
from oneshot_dagster.local.forge.world import now


def create_app(call: Call) -> Answer:
    """Made and installed at once: `manifest` as GitHub takes it, on `account`, on all its repositories or on some."""
    admin(call)
    world, manifest = call.forge.world, call.mapping("manifest") or {}
    wrong = manifests.problems(world, manifest)
    if wrong:
        invalid("manifest", "invalid", "; ".join(wrong))
    made = manifests.make(world, call.text("owner", call.user.login), manifest)
    home = apps.install(world, made.app, call.text("account"), selected=_named(call, call.text("account")))
    token, _ = apps.issue_token(world, home, permissions=None, chosen=None)
    body = {
        "app": shapes.integration(call.urls, made.app),
        "installation": shown(call, home),
        "pem": made.pem,
        "webhook_secret": made.app.hook_secret,
        "token": token,
    }
    return Answer(status=201, body=body)


def _named(call: Call, account: str) -> list[int] | None:
    """Ids of the repositories in the body, None where it names none: all."""
    if call.body.get("repositories") is None:
        return None
    names = [full_name.partition("/") for full_name in call.words("repositories")]
    found = [call.forge.world.repository(owner, name) for owner, _, name in names]
    mine = [r.id for r in found if r and r.owner == account]
    return mine if len(mine) == len(found) else not_found()


def _home(call: Call) -> Installation:
    admin(call)
    return call.forge.world.get(Installation, call.number("installation")) or not_found()


def put_repositories(call: Call) -> Answer:
    home = _home(call)
    app = call.forge.world.get(App, home.app) or not_found()
    changed = apps.install(call.forge.world, app, home.account, selected=_named(call, home.account))
    return Answer(body=shown(call, changed))


def suspend(call: Call) -> Answer:
    apps.suspend(call.forge.world, _home(call), by=call.user.login)
    return Answer(status=204)


def unsuspend(call: Call) -> Answer:
    apps.suspend(call.forge.world, _home(call), by=None)
    return Answer(status=204)


def put_permissions(call: Call) -> Answer:
    """What the App asks for from now on; `accepted` false leaves its installations with what they had."""
    admin(call)
    world = call.forge.world
    app = apps.by_slug(world, call.path["slug"]) or not_found()
    wanted = apps.levels(call.body.get("permissions"))
    if wanted is None:
        invalid("permissions", "invalid")
    wanted = {"metadata": "read", **wanted}
    app = world.put(replace(app, permissions=wanted, updated_at=now()))
    for home in world.all(Installation):
        if home.app == app.id and call.body.get("accepted", True) is True:
            world.put(replace(home, permissions=wanted, updated_at=now()))
    return Answer(body=shapes.integration(call.urls, app))


def expire_tokens(call: Call) -> Answer:
    """Every token of the installation is over at once."""
    home = _home(call)
    for token in call.forge.world.all(InstallationToken):
        if token.installation == home.id:
            call.forge.world.put(replace(token, expires_at="2000-01-01T00:00:00Z"))
    return Answer(status=204)


_INSTALLATION = "/_forge/installations/{installation}"
ENDPOINTS = (
    Endpoint(method="POST", pattern="/_forge/apps", handler=create_app, needs=""),
    Endpoint(method="PUT", pattern="/_forge/apps/{slug}/permissions", handler=put_permissions, needs=""),
    Endpoint(method="PUT", pattern=_INSTALLATION + "/repositories", handler=put_repositories, needs=""),
    Endpoint(method="PUT", pattern=_INSTALLATION + "/suspended", handler=suspend, needs=""),
    Endpoint(method="DELETE", pattern=_INSTALLATION + "/suspended", handler=unsuspend, needs=""),
    Endpoint(method="DELETE", pattern=_INSTALLATION + "/tokens", handler=expire_tokens, needs=""),
)
