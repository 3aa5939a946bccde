"""GitHub Apps, their installations and tokens as GitHub shows them."""

from oneshot_dagster.local.forge.records import App, Installation, InstallationToken, Repository
from oneshot_dagster.local.forge.shapes.people import Json, Urls, simple_user
from oneshot_dagster.local.forge.shapes.repositories import repository


def integration(urls: Urls, app: App, *, installations: int | None = None) -> Json:
    shown: Json = {
        "id": app.id,
        "slug": app.slug,
        "node_id": f"A_{app.id}",
        "client_id": app.client_id,
        "owner": simple_user(urls, app.owner),
        "name": app.name,
        "description": app.description or None,
        "external_url": app.external_url or urls.site,
        "html_url": f"{urls.site}/apps/{app.slug}",
        "created_at": app.created_at,
        "updated_at": app.updated_at,
        "permissions": app.permissions,
        "events": app.events,
    }
    return shown if installations is None else {**shown, "installations_count": installations}


def installation(urls: Urls, home: Installation, app: App, *, organization: bool) -> Json:
    api, kind = f"{urls.api}/app/installations/{home.id}", "Organization" if organization else "User"
    settings = f"/organizations/{home.account}/settings" if organization else "/settings"
    return {
        "id": home.id,
        "client_id": app.client_id,
        "account": {**simple_user(urls, home.account), "type": kind},
        "repository_selection": _selection(home.selected),
        "access_tokens_url": f"{api}/access_tokens",
        "repositories_url": f"{urls.api}/installation/repositories",
        "html_url": f"{urls.site}{settings}/installations/{home.id}",
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": simple_user(urls, home.account)["id"],
        "target_type": kind,
        "permissions": home.permissions,
        "events": app.events,
        "created_at": home.created_at,
        "updated_at": home.updated_at,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_at": home.suspended_at,
        "suspended_by": simple_user(urls, home.suspended_by) if home.suspended_by else None,
    }


def token(urls: Urls, plain: str, row: InstallationToken, chosen: list[Repository]) -> Json:
    """The repositories are named only where the token was asked for some."""
    shown: Json = {
        "token": plain,
        "expires_at": row.expires_at,
        "permissions": row.permissions,
        "repository_selection": _selection(row.repositories),
    }
    return shown | ({"repositories": [repository(urls, r) for r in chosen]} if row.repositories is not None else {})


def hook_config(app: App) -> Json:
    """Without a URL it is as empty as GitHub's."""
    shown: Json = {"content_type": app.hook_content_type, "insecure_ssl": "0"}
    shown |= {"url": app.hook_url} if app.hook_url else {}
    return shown | ({"secret": "********"} if app.hook_secret else {})


def _selection(selected: tuple[int, ...] | None) -> str:
    return "all" if selected is None else "selected"
