"""Workflows, their runs and the logs of jobs as GitHub Actions shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from oneshot_dagster.local.forge.records import CheckRun, Repository
from oneshot_dagster.local.forge.repos import CommitFacts
from oneshot_dagster.local.forge.shapes.people import CI_APP, Json, Urls, simple_user, stable_id
from oneshot_dagster.local.forge.shapes.repositories import minimal

_FOLDER = ".github/workflows/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One workflow at one SHA: its jobs are check runs, oldest first."""

    file: str
    number: int
    jobs: Sequence[CheckRun]
    branch: str | None
    commit: CommitFacts


def workflow(urls: Urls, repo: Repository, file: str, name: str) -> Json:
    number = stable_id(file)
    return {
        "id": number,
        "node_id": f"W_{number}",
        "name": name,
        "path": _FOLDER + file,
        "state": "active",
        "created_at": repo.created_at,
        "updated_at": repo.pushed_at,
        "url": f"{urls.repository(repo)}/actions/workflows/{number}",
        "html_url": f"{urls.page(repo)}/blob/{repo.default_branch}/{_FOLDER}{file}",
        "badge_url": f"{urls.page(repo)}/workflows/{file}/badge.svg",
    }


def workflow_run(urls: Urls, repo: Repository, run: Run) -> Json:
    first, status, conclusion = run.jobs[0], *_outcome(run.jobs)
    me, started = f"{urls.repository(repo)}/actions/runs/{first.id}", first.started_at or repo.created_at
    suite = stable_id(f"{CI_APP}{first.head_sha}")
    sub = ("jobs", "logs", "artifacts", "cancel", "rerun")
    return {
        "id": first.id,
        "name": run.file,
        "node_id": f"WFR_{first.id}",
        "check_suite_id": suite,
        "head_branch": run.branch,
        "head_sha": first.head_sha,
        "path": _FOLDER + run.file,
        "display_title": run.commit.message.split("\n", 1)[0],
        "run_number": run.number,
        "run_attempt": 1,
        "event": "pull_request",
        "status": status,
        "conclusion": conclusion,
        "workflow_id": stable_id(run.file),
        "url": me,
        "html_url": f"{urls.page(repo)}/actions/runs/{first.id}",
        "pull_requests": [],
        "created_at": started,
        "updated_at": max((j.completed_at or started for j in run.jobs), default=started),
        "actor": simple_user(urls, repo.owner),
        "triggering_actor": simple_user(urls, repo.owner),
        "run_started_at": started,
        **{f"{name}_url": f"{me}/{name}" for name in sub},
        "check_suite_url": f"{urls.repository(repo)}/check-suites/{suite}",
        "previous_attempt_url": None,
        "workflow_url": f"{urls.repository(repo)}/actions/workflows/{stable_id(run.file)}",
        "head_commit": _simple_commit(first.head_sha, run.commit),
        "repository": minimal(urls, repo),
        "head_repository": minimal(urls, repo),
    }


def _outcome(jobs: Sequence[CheckRun]) -> tuple[str, str | None]:
    if any(j.status != "completed" for j in jobs):
        return ("queued" if all(j.status == "queued" for j in jobs) else "in_progress"), None
    bad = [j.conclusion for j in jobs if j.conclusion not in {"success", "skipped", "neutral"}]
    return "completed", bad[0] if bad else "success"


def _simple_commit(sha: str, facts: CommitFacts) -> Json:
    who: Json = {"name": facts.author.name, "email": facts.author.email}
    return {
        "id": sha,
        "tree_id": facts.tree,
        "message": facts.message,
        "timestamp": facts.authored_at,
        "author": who,
        "committer": who,
    }


def annotations(urls: Urls, repo: Repository, check: CheckRun) -> list[Json]:
    """Of a job that failed: one, about the step."""
    if check.app != CI_APP or check.conclusion not in {"failure", "timed_out"}:
        return []
    return [
        {
            "path": ".github",
            "blob_href": f"{urls.page(repo)}/blob/{check.head_sha}/.github",
            "start_line": 1,
            "start_column": None,
            "end_line": 1,
            "end_column": None,
            "annotation_level": "failure",
            "title": "",
            "message": check.summary or check.title or "",
            "raw_details": "",
        }
    ]


def log(check: CheckRun) -> str:
    """Each line with the time that it was said, as in a log of GitHub's; the first begins with a byte order mark."""
    stamp = (check.completed_at or "").removesuffix("Z") + ".0000000Z"
    lines = (check.log or "").split("\n")
    return "\ufeff" + "".join(f"{stamp} {line}\n" for line in lines)
