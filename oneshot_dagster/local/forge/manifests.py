"""From a manifest to an App: what is wrong with one, the code that a person's yes is worth, and its conversion."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from oneshot_dagster.local.forge import apps, permissions, untyped
from oneshot_dagster.local.forge.records import App, AppDraft
from oneshot_dagster.local.forge.shapes.people import app_id
from oneshot_dagster.local.forge.world import World, now

_VALID = timedelta(hours=1)
# Which permission, if only to read, an event asks for; GitHub refuses a manifest whose events lack theirs.
_EVENTS: Mapping[str, str] = {
    "branch_protection_rule": "administration=read",
    "check_run": "checks=read",
    "check_suite": "checks=read",
    "deployment": "deployments=read",
    "deployment_status": "deployments=read",
    "issue_comment": "issues=read; pull_requests=read",
    "issues": "issues=read",
    "label": "metadata=read",
    "merge_group": "merge_queues=read",
    "meta": "metadata=read",
    "pull_request": "pull_requests=read",
    "pull_request_review": "pull_requests=read",
    "pull_request_review_comment": "pull_requests=read",
    "pull_request_review_thread": "pull_requests=read",
    "push": "contents=read",
    "repository": "metadata=read",
    "repository_ruleset": "administration=read",
    "status": "statuses=read",
    "workflow_job": "actions=read",
    "workflow_run": "actions=read",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """An App with what GitHub shows of it this once."""

    app: App
    client_secret: str
    pem: str


def problems(world: World, manifest: Mapping[str, object]) -> list[str]:
    """In GitHub's words, as far as they are known."""
    name, hook = str(manifest.get("name") or ""), untyped.mapping(manifest.get("hook_attributes", {}))
    asked, events = apps.levels(manifest.get("default_permissions", {})), _events(manifest)
    found: list[str] = []
    if not slug(name) or len(name) > 34:
        found.append("Name must be given, with at most 34 characters")
    elif apps.by_slug(world, slug(name)):
        found.append("Name has already been taken")
    found += [f"{what} must be an http or https URL" for what, url in _urls(manifest) if not origin(url)]
    if hook is None or (hook and not origin(str(hook.get("url") or ""))):
        found.append("Hook url must be given with hook_attributes")
    unknown = sorted(set(asked or ()) - permissions.NAMES)
    if asked is None or unknown:
        found.append(f"Default permission records resource is not included in the list: {', '.join(unknown)}")
    unsupported = [e for e in events if e not in _EVENTS or not permissions.enough(asked or {}, _EVENTS[e])]
    if unsupported:
        found.append(f"Default events unsupported: {', '.join(unsupported)}")
    return found


def _urls(manifest: Mapping[str, object]) -> list[tuple[str, str]]:
    """The one that must be there, and those that may."""
    optional = [(name, str(manifest[name])) for name in ("redirect_url", "setup_url") if manifest.get(name)]
    return [("url", str(manifest.get("url") or "")), *optional]


def _events(manifest: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(e) for e in untyped.sequence(manifest.get("default_events")) or ())


def origin(url: str) -> str | None:
    """`http://host:port` of an address that a browser may be sent to; None for anything else."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not re.fullmatch(r"[A-Za-z0-9.-]+", parts.hostname or ""):
        return None
    return f"{parts.scheme}://{parts.hostname}{port}"


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def agree(world: World, owner: str, manifest: Mapping[str, object]) -> str:
    """The code that converts it."""
    code = secrets.token_hex(20)
    world.put(AppDraft(id=world.next_id(), code=code, owner=owner, manifest=dict(manifest), created_at=now()))
    return code


def convert(world: World, code: str) -> Made | None:
    """Once, and within the hour; None afterwards."""
    draft = next((d for d in world.all(AppDraft) if d.code == code), None)
    if draft is None:
        return None
    world.drop(draft)
    agreed = datetime.fromisoformat(draft.created_at)
    return make(world, draft.owner, draft.manifest) if datetime.now(UTC) < agreed + _VALID else None


def make(world: World, owner: str, manifest: Mapping[str, object]) -> Made:
    keys, name = apps.new_keys(), str(manifest.get("name") or "")
    hook = untyped.mapping(manifest.get("hook_attributes")) or {}
    app = App(
        id=app_id(slug(name)),
        slug=slug(name),
        name=name,
        owner=owner,
        client_id=f"Iv23{secrets.token_hex(8)}",
        public_key=keys.public,
        permissions={"metadata": "read", **(apps.levels(manifest.get("default_permissions")) or {})},
        events=_events(manifest),
        created_at=now(),
        updated_at=now(),
        description=str(manifest.get("description") or ""),
        external_url=str(manifest.get("url") or ""),
        setup_url=str(manifest["setup_url"]) if manifest.get("setup_url") else None,
        hook_url=str(hook["url"]) if hook.get("url") else None,
        hook_secret=secrets.token_hex(20) if hook.get("url") else None,
        hook_active=bool(hook.get("url")) and hook.get("active", True) is True,
    )
    return Made(app=world.put(app), client_secret=secrets.token_hex(20), pem=keys.private)
