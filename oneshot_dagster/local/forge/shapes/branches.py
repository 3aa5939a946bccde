"""Branches and refs as GitHub shows them."""

from urllib.parse import quote

from oneshot_dagster.local.forge.records import Repository
from oneshot_dagster.local.forge.repos import CommitFacts
from oneshot_dagster.local.forge.rule_records import Protection
from oneshot_dagster.local.forge.shapes.people import Json, Urls
from oneshot_dagster.local.forge.shapes.rules import required_checks


def ref(urls: Urls, repo: Repository, branch: str, sha: str) -> Json:
    api = urls.repository(repo)
    return {
        "ref": f"refs/heads/{branch}",
        "node_id": f"REF_{branch}",
        "url": f"{api}/git/refs/heads/{quote(branch)}",
        "object": {"type": "commit", "sha": sha, "url": f"{api}/git/commits/{sha}"},
    }


def branch(
    urls: Urls,
    repo: Repository,
    name: str,
    sha: str,
    commit: CommitFacts,
    guard: Protection | None,
    *,
    protected: bool,
) -> Json:
    """`protected` is so by rulesets too; only classic protection shows what it asks."""
    me = f"{urls.repository(repo)}/branches/{name}"
    level = "off" if guard is None or guard.contexts is None else "everyone" if guard.enforce_admins else "non_admins"
    checks: Json = {"contexts": [], "checks": []}
    if guard is not None and guard.contexts is not None:
        checks = required_checks(f"{me}/protection", guard)
    return {
        "name": name,
        "commit": _commit(urls, repo, sha, commit),
        "_links": {"html": f"{urls.page(repo)}/tree/{name}", "self": me},
        "protected": protected,
        "protection": {
            "enabled": guard is not None,
            "required_status_checks": {**checks, "enforcement_level": level},
        },
        "protection_url": f"{me}/protection",
    }


def short_branch(urls: Urls, repo: Repository, name: str, sha: str, *, protected: bool) -> Json:
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{urls.repository(repo)}/commits/{sha}"},
        "protected": protected,
    }


def _commit(urls: Urls, repo: Repository, sha: str, facts: CommitFacts) -> Json:
    api, page = urls.repository(repo), urls.page(repo)
    who: Json = {"name": facts.author.name, "email": facts.author.email, "date": facts.authored_at}
    return {
        "url": f"{api}/commits/{sha}",
        "sha": sha,
        "node_id": f"C_{sha}",
        "html_url": f"{page}/commit/{sha}",
        "comments_url": f"{api}/commits/{sha}/comments",
        "commit": {
            "url": f"{api}/git/commits/{sha}",
            "author": who,
            "committer": who,
            "message": facts.message,
            "comment_count": 0,
            "tree": {"sha": facts.tree, "url": f"{api}/git/trees/{facts.tree}"},
        },
        "author": None,
        "committer": None,
        "parents": [{"sha": p, "url": f"{api}/commits/{p}"} for p in facts.parents],
    }
