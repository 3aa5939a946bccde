"""Branches, refs, branch protection and rules as GitHub shows them."""

from urllib.parse import quote

from oneshot_dagster.local.forge.records import Protection, Repository, Ruleset
from oneshot_dagster.local.forge.repos import CommitFacts
from oneshot_dagster.local.forge.shapes.people import Json, Urls


def ref(urls: Urls, repo: Repository, branch: str, sha: str) -> Json:
    api = urls.repository(repo)
    return {
        "ref": f"refs/heads/{branch}",
        "node_id": f"REF_{branch}",
        "url": f"{api}/git/refs/heads/{quote(branch)}",
        "object": {"type": "commit", "sha": sha, "url": f"{api}/git/commits/{sha}"},
    }


def branch(urls: Urls, repo: Repository, name: str, sha: str, commit: CommitFacts, guard: Protection | None) -> Json:
    me = f"{urls.repository(repo)}/branches/{name}"
    return {
        "name": name,
        "commit": _commit(urls, repo, sha, commit),
        "_links": {"html": f"{urls.page(repo)}/tree/{name}", "self": me},
        "protected": guard is not None,
        "protection": {
            "enabled": guard is not None,
            **({"required_status_checks": _checks(me, guard)} if guard else {}),
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


def protection(urls: Urls, repo: Repository, row: Protection) -> Json:
    """What GitHub leaves out is left out: a branch without required checks has no `required_status_checks`."""
    me = f"{urls.repository(repo)}/branches/{row.branch}/protection"
    parts: Json = {
        "url": me,
        "enforce_admins": {"url": f"{me}/enforce_admins", "enabled": True},
        "required_conversation_resolution": {"enabled": row.resolved_threads},
        "allow_force_pushes": {"enabled": False},
        "allow_deletions": {"enabled": False},
    }
    if row.contexts is not None:
        parts["required_status_checks"] = _checks(me.removesuffix("/protection"), row)
    if row.approvals is not None:
        parts["required_pull_request_reviews"] = {
            "url": f"{me}/required_pull_request_reviews",
            "dismiss_stale_reviews": row.dismiss_stale,
            "require_code_owner_reviews": False,
            "required_approving_review_count": row.approvals,
            "require_last_push_approval": False,
        }
    return parts


def _checks(branch_url: str, row: Protection) -> Json:
    me = f"{branch_url}/protection/required_status_checks"
    contexts = list(row.contexts or ())
    return {
        "url": me,
        "strict": row.strict,
        "enforcement_level": "everyone",
        "contexts": contexts,
        "checks": [{"context": c, "app_id": None} for c in contexts],
        "contexts_url": f"{me}/contexts",
    }


def rule(repo: Repository, row: Ruleset) -> Json:
    return {
        "type": "required_status_checks",
        "ruleset_source_type": "Repository",
        "ruleset_source": repo.full_name,
        "ruleset_id": row.id,
        "parameters": {
            "required_status_checks": [{"context": c} for c in row.contexts],
            "strict_required_status_checks_policy": row.strict,
        },
    }
