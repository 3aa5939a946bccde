"""A repository as GitHub shows it: full, and as pull requests and statuses carry it."""

from oneshot_dagster.local.forge.records import Repository
from oneshot_dagster.local.forge.shapes.people import Json, Urls, simple_user

_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_COUNTS = (
    "forks_count",
    "stargazers_count",
    "watchers_count",
    "forks",
    "watchers",
    "size",
)


def repository(urls: Urls, repo: Repository, *, open_issues: int = 0, permission: str | None = None) -> Json:
    me, page = urls.repository(repo), urls.page(repo)
    shown: Json = {
        "id": repo.id,
        "node_id": f"R_{repo.id}",
        "name": repo.name,
        "full_name": repo.full_name,
        "owner": simple_user(urls, repo.owner),
        "private": repo.private,
        "visibility": "private" if repo.private else "public",
        "html_url": page,
        "url": me,
        **{name: me + path for name, path in _LINKS.items()},
        "clone_url": f"{page}.git",
        "git_url": f"{page}.git",
        "ssh_url": f"{page}.git",
        "svn_url": page,
        **dict.fromkeys(("description", "mirror_url", "homepage", "language", "license")),
        **dict.fromkeys(_COUNTS, 0),
        **_features(repo),
        "default_branch": repo.default_branch,
        "open_issues_count": open_issues,
        "open_issues": open_issues,
        "pushed_at": repo.pushed_at,
        "created_at": repo.created_at,
        "updated_at": repo.pushed_at,
    }
    return shown | ({"permissions": _permissions(permission)} if permission else {})


def full(urls: Urls, repo: Repository, *, open_issues: int, permission: str) -> Json:
    """As the repository's own address answers."""
    shown = repository(urls, repo, open_issues=open_issues, permission=permission)
    return {**shown, "subscribers_count": 0, "network_count": 0}


def minimal(urls: Urls, repo: Repository) -> Json:
    """As a combined status carries it: without the settings of merges."""
    settings = ("allow_auto", "allow_merge", "allow_rebase", "allow_squash", "allow_update", "merge_commit", "squash_")
    return {name: value for name, value in repository(urls, repo).items() if not name.startswith(settings)}


def _features(repo: Repository) -> Json:
    off = ("fork", "has_projects", "has_wiki", "has_pages", "has_discussions", "disabled", "is_template")
    return {
        **dict.fromkeys(off, False),
        "has_issues": True,
        "archived": repo.archived,
        "allow_squash_merge": repo.allow_squash_merge,
        "allow_merge_commit": repo.allow_merge_commit,
        "allow_rebase_merge": repo.allow_rebase_merge,
        "allow_auto_merge": repo.allow_auto_merge,
        "allow_update_branch": repo.allow_update_branch,
        "delete_branch_on_merge": repo.delete_branch_on_merge,
        "allow_forking": False,
        "web_commit_signoff_required": False,
        "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
        "squash_merge_commit_message": "COMMIT_MESSAGES",
        "merge_commit_title": "MERGE_MESSAGE",
        "merge_commit_message": "PR_TITLE",
        "topics": [],
    }


def _permissions(held: str) -> Json:
    order = ("read", "triage", "write", "maintain", "admin")
    names = ("pull", "triage", "push", "maintain", "admin")
    return {name: held in order[i:] for i, name in enumerate(names)}
