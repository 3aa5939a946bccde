"""What GitHub is asked to make an App of: the manifest, the page that takes it, and which API belongs to a web address."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.domain.permissions import PERMISSIONS

GITHUB = "https://github.com"
LONGEST_NAME = 34
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})")
EVENTS = (
    "check_run",
    "check_suite",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
    "status",
)


def web_root(url: str) -> str:
    """BadInput for anything but a server's own address; without TLS only on this machine."""
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (parts.scheme == "https" or plain) or not parts.hostname or parts.username or parts.path.strip("/"):
        raise BadInput(tried="find GitHub", found=repr(url), do="give the address of its front page, https://HOST")
    return f"{parts.scheme}://{parts.netloc}"


def api_url(web: str) -> str:
    """GitHub's own and those with data residency have a host for it, an Enterprise Server and the forge a path."""
    host = urlsplit(web).netloc
    if host == urlsplit(GITHUB).netloc or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{web}/api/v3"


def web_of_api(api: str) -> str:
    root = api.rstrip("/")
    return root.removesuffix("/api/v3") if root.endswith("/api/v3") else root.replace("://api.", "://", 1)


def manifest_page(web: str, organization: str | None, state: str) -> str:
    if organization is not None and not _LOGIN.fullmatch(organization):
        raise BadInput(tried="find the organization", found=repr(organization), do="give its name as in its address")
    owner = f"/organizations/{organization}" if organization else ""
    return f"{web}{owner}/settings/apps/new?state={quote(state, safe='')}"


def app_name(name: str) -> str:
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadInput(tried="name the App", found=repr(name), do=f"give --name with at most {LONGEST_NAME} characters")
    return name


def hook_url(given: str, path: str) -> str:
    """The address that GitHub sends webhooks to; a bare server gets our path."""
    parts = urlsplit(given)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise BadInput(tried="set up webhooks", found=repr(given), do="give an address that GitHub reaches, https://…")
    return given if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}{path}"


def manifest(*, name: str, homepage: str, redirect: str, hook: str | None) -> Mapping[str, object]:
    """Without `hook` there is neither a webhook nor an event; GitHub is then asked at intervals."""
    permissions = {one.name: one.access for one in PERMISSIONS}
    hooks = {"hook_attributes": {"url": hook, "active": True}, "default_events": list(EVENTS)} if hook else {}
    return {
        "name": name,
        "url": homepage,
        "description": "Takes one labelled issue to one proposed or merged change.",
        "redirect_url": redirect,
        "public": False,
        "default_permissions": permissions,
        **hooks,
    }
