"""Users and apps as GitHub shows them, and the addresses everything else is built from."""

from dataclasses import dataclass
from urllib.parse import quote

from oneshot_dagster.local.forge.records import Repository, User

Json = dict[str, object]

_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
CI_APP = "github-actions"
_APP_IDS = {CI_APP: 15368}


@dataclass(frozen=True, kw_only=True, slots=True)
class Urls:
    """`site` is where pages and git are; the REST API is under it as on GitHub Enterprise Server."""

    site: str

    @property
    def api(self) -> str:
        return f"{self.site}/api/v3"

    def repository(self, repository: Repository) -> str:
        return f"{self.api}/repos/{repository.full_name}"

    def page(self, repository: Repository) -> str:
        return f"{self.site}/{repository.full_name}"


def stable_id(word: str) -> int:
    """People have no numbers of their own here: one that stays the same for a login."""
    return 1000 + sum(ord(c) * 131**i for i, c in enumerate(word)) % 10**9


def simple_user(urls: Urls, login: str) -> Json:
    me = f"{urls.api}/users/{quote(login)}"
    page = f"apps/{login.removesuffix('[bot]')}" if login.endswith("[bot]") else login
    return {
        "login": login,
        "id": stable_id(login),
        "node_id": f"U_{stable_id(login)}",
        "avatar_url": f"{urls.site}/{quote(login)}.png",
        "gravatar_id": "",
        "url": me,
        "html_url": f"{urls.site}/{page}",
        **{name: me + path for name, path in _USER_LINKS.items()},
        "type": "Bot" if login.endswith("[bot]") else "User",
        "site_admin": False,
    }


def public_user(urls: Urls, user: User) -> Json:
    unknown = ("company", "blog", "location", "email", "hireable", "bio")
    return {
        **simple_user(urls, user.login),
        "name": user.login,
        **dict.fromkeys(unknown),
        **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
    }


def app_id(slug: str) -> int:
    return _APP_IDS.get(slug, stable_id(slug))


def app(urls: Urls, slug: str) -> Json:
    """The GitHub App that a check run belongs to."""
    owner = "github" if slug == CI_APP else slug
    return {
        "id": app_id(slug),
        "slug": slug,
        "node_id": f"A_{stable_id(slug)}",
        "owner": simple_user(urls, owner),
        "name": "GitHub Actions" if slug == CI_APP else slug,
        "description": "",
        "external_url": urls.site,
        "html_url": f"{urls.site}/apps/{slug}",
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
        "permissions": {"checks": "write", "metadata": "read"},
        "events": [],
    }


def collaborator(urls: Urls, login: str, permission: str) -> Json:
    """The old four-level word, and the role beside it, as GitHub answers."""
    legacy = {"maintain": "write", "triage": "read"}.get(permission, permission)
    user = {**simple_user(urls, login), "role_name": permission}
    return {"permission": legacy, "role_name": permission, "user": user}
