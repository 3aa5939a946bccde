"""Check runs, commit statuses and deployments as GitHub shows them."""

from oneshot_dagster.local.forge.records import (
    CheckRun,
    CommitStatus,
    Deployment,
    DeploymentStatus,
    Pull,
    Repository,
)
from oneshot_dagster.local.forge.shapes.actions import annotations
from oneshot_dagster.local.forge.shapes.people import CI_APP, Json, Urls, app, simple_user, stable_id


def check_run(urls: Urls, repo: Repository, row: CheckRun, pulls: list[Pull]) -> Json:
    me = f"{urls.repository(repo)}/check-runs/{row.id}"
    page = f"{urls.page(repo)}/runs/{row.id}"
    return {
        "id": row.id,
        "node_id": f"CR_{row.id}",
        "name": row.name,
        "head_sha": row.head_sha,
        "external_id": row.external_id,
        "url": me,
        "html_url": page,
        "details_url": row.details_url or page,
        "status": row.status,
        "conclusion": row.conclusion,
        "started_at": row.started_at,
        "completed_at": row.completed_at,
        "output": {
            **_said(row),
            "annotations_count": len(annotations(urls, repo, row)),
            "annotations_url": f"{me}/annotations",
        },
        "check_suite": {"id": stable_id(f"{row.app}{row.head_sha}")},
        "app": app(urls, row.app),
        "pull_requests": [_minimal_pull(urls, repo, p) for p in pulls],
    }


def _said(row: CheckRun) -> Json:
    """A job of Actions says nothing here: its words are in its log."""
    if row.app == CI_APP:
        return {"title": None, "summary": None, "text": None}
    return {"title": row.title, "summary": row.summary, "text": row.text}


def _minimal_pull(urls: Urls, repo: Repository, pull: Pull) -> Json:
    owner: Json = {"id": repo.id, "url": urls.repository(repo), "name": repo.name}
    return {
        "id": pull.id,
        "number": pull.number,
        "url": f"{urls.repository(repo)}/pulls/{pull.number}",
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": owner},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": owner},
    }


def commit_status(urls: Urls, repo: Repository, row: CommitStatus) -> Json:
    return {**simple_status(urls, repo, row), "creator": simple_user(urls, row.creator)}


def simple_status(urls: Urls, repo: Repository, row: CommitStatus) -> Json:
    """As the combined status carries it: without who made it."""
    return {
        "url": f"{urls.repository(repo)}/statuses/{row.sha}",
        "avatar_url": f"{urls.site}/{row.creator}.png",
        "id": row.id,
        "node_id": f"SC_{row.id}",
        "state": row.state,
        "description": row.description,
        "target_url": row.target_url,
        "context": row.context,
        "created_at": row.created_at,
        "updated_at": row.created_at,
    }


def deployment(urls: Urls, repo: Repository, row: Deployment) -> Json:
    me = f"{urls.repository(repo)}/deployments/{row.id}"
    return {
        "url": me,
        "id": row.id,
        "node_id": f"DE_{row.id}",
        "sha": row.sha,
        "ref": row.ref,
        "task": row.task,
        "payload": row.payload,
        "original_environment": row.environment,
        "environment": row.environment,
        "description": row.description,
        "creator": simple_user(urls, row.creator),
        "created_at": row.created_at,
        "updated_at": row.created_at,
        "statuses_url": f"{me}/statuses",
        "repository_url": urls.repository(repo),
        "transient_environment": False,
        "production_environment": row.environment == "production",
        "performed_via_github_app": None,
    }


def deployment_status(urls: Urls, repo: Repository, row: DeploymentStatus, environment: str) -> Json:
    parent = f"{urls.repository(repo)}/deployments/{row.deployment}"
    return {
        "url": f"{parent}/statuses/{row.id}",
        "id": row.id,
        "node_id": f"DES_{row.id}",
        "state": row.state,
        "creator": simple_user(urls, row.creator),
        "description": row.description,
        "environment": environment,
        "environment_url": row.environment_url,
        "log_url": row.log_url,
        "target_url": row.log_url,
        "created_at": row.created_at,
        "updated_at": row.created_at,
        "deployment_url": parent,
        "repository_url": urls.repository(repo),
        "performed_via_github_app": None,
    }
