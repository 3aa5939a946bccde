"""Payloads of the webhooks about commits: pushes, branches, check runs, suites, workflow runs, statuses, merge groups."""

from collections.abc import Callable, Mapping

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.apps import by_slug
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.hook_events import NO_SHA, Told
from oneshot_dagster.local.forge.records import CheckRun, CommitStatus, Pull, Repository, Tip
from oneshot_dagster.local.forge.repos import SHA
from oneshot_dagster.local.forge.rule_records import QueueEntry
from oneshot_dagster.local.forge.shapes import actions as action_shapes
from oneshot_dagster.local.forge.shapes import checks as check_shapes
from oneshot_dagster.local.forge.shapes import hooks as shapes
from oneshot_dagster.local.forge.shapes.apps import integration
from oneshot_dagster.local.forge.shapes.people import Json, app

_MOST_COMMITS = 2048  # of one push


def _pushed(forge: Forge, repo: Repository, told: Told) -> Json | None:
    if not isinstance(told.row, Tip):
        return None
    before, after = str(told.more["before"]), str(told.more["after"])
    created, deleted = before == NO_SHA, after == NO_SHA
    path = forge.repos.path(repo.owner, repo.name)
    commits = [] if deleted else _commits(forge, repo, _new(forge, repo, told.row, before, after))
    newest = commits or ([] if deleted else _commits(forge, repo, [after]))
    page, ends = forge.urls.page(repo), f"{before[:12]}...{after[:12]}"
    who = told.row.pushed_by
    return {
        "ref": f"refs/heads/{told.row.branch}",
        "before": before,
        "after": after,
        "created": created,
        "deleted": deleted,
        "forced": not (created or deleted) and not forge.repos.contains(path, before, after),
        "base_ref": None,
        "compare": f"{page}/commit/{after[:12]}" if created else f"{page}/compare/{ends}",
        "commits": commits,
        "head_commit": newest[-1] if newest else None,
        "pusher": {"name": who, "email": f"{who}@users.noreply.localhost"},
    }


def _new(forge: Forge, repo: Repository, tip: Tip, before: str, after: str) -> list[str]:
    """What the branch has by it, oldest first; of a new branch what no other has."""
    path = forge.repos.path(repo.owner, repo.name)
    others = {before} if before != NO_SHA else {t.sha for t in forge.world.all(Tip, repo) if t.branch != tip.branch}
    without = [f"^{sha}" for sha in sorted(others) if forge.repos.has(path, sha)]
    return forge.repos.ask(path, "rev-list", "--reverse", f"--max-count={_MOST_COMMITS}", after, *without).split()


def _commits(forge: Forge, repo: Repository, shas: list[str]) -> list[Json]:
    path = forge.repos.path(repo.owner, repo.name)
    words = iter(
        forge.repos.ask(
            path,
            "diff-tree",
            "--stdin",
            "-r",
            "--root",
            "--name-status",
            "-z",
            stdin="".join(f"{s}\n" for s in shas).encode(),
        ).split("\0")
    )
    files: dict[tuple[str, str], list[str]] = {}
    sha = ""
    for word in words:
        if SHA.fullmatch(word):
            sha = word
        elif word:
            files.setdefault((sha, word[:1]), []).append(next(words))
    return [
        shapes.pushed_commit(
            forge.urls,
            repo,
            shapes.PushedCommit(
                sha=sha,
                facts=forge.repos.facts(path, sha),
                added=files.get((sha, "A"), ()),
                removed=files.get((sha, "D"), ()),
                modified=files.get((sha, "M"), ()),
            ),
        )
        for sha in shas
    ]


def _created(_: Forge, repo: Repository, told: Told) -> Json | None:
    return {**_branch(told), "master_branch": repo.default_branch, "description": None}


def _deleted(_forge: Forge, _repo: Repository, told: Told) -> Json | None:
    return _branch(told)


def _branch(told: Told) -> Json:
    name = told.row.branch if isinstance(told.row, Tip) else ""
    return {"ref": name, "ref_type": "branch", "pusher_type": "user"}


def _checked(forge: Forge, repo: Repository, told: Told) -> Json | None:
    if not isinstance(told.row, CheckRun):
        return None
    row = told.row
    pulls = _pulls(forge, repo, row.head_sha)
    shown = check_shapes.check_run(forge.urls, repo, row, pulls)
    done = all(r.status == "completed" for r in _runs(forge, repo, row))
    status = "completed" if done else "queued" if row.status == "queued" else "in_progress"
    suite = shapes.short_suite(shapes.check_suite(forge.urls, repo, _suite(forge, repo, row)), status=status)
    return {"check_run": {**shown, "app": _app(forge, row), "check_suite": suite}}


def _suite_done(forge: Forge, repo: Repository, told: Told) -> Json | None:
    row = told.row
    if not isinstance(row, CheckRun) or any(r.status != "completed" for r in _runs(forge, repo, row)):
        return None
    return {"check_suite": shapes.check_suite(forge.urls, repo, _suite(forge, repo, row))}


def _suite(forge: Forge, repo: Repository, row: CheckRun) -> shapes.Suite:
    return shapes.Suite(
        runs=_runs(forge, repo, row),
        branch=_head_branch(forge, repo, row.head_sha),
        commit=forge.repos.facts(forge.repos.path(repo.owner, repo.name), row.head_sha),
        app=_app(forge, row),
        pulls=_minimal_pulls(forge, repo, row),
    )


def _runs(forge: Forge, repo: Repository, row: CheckRun) -> list[CheckRun]:
    mine = (row.app, row.head_sha)
    return [c for c in forge.world.all(CheckRun, repo) if (c.app, c.head_sha) == mine]


def _pulls(forge: Forge, repo: Repository, sha: str) -> list[Pull]:
    return [p for p in forge.world.all(Pull, repo) if p.head_sha == sha]


def _minimal_pulls(forge: Forge, repo: Repository, row: CheckRun) -> list[Json]:
    shown = check_shapes.check_run(forge.urls, repo, row, _pulls(forge, repo, row.head_sha))
    return untyped.mappings(shown["pull_requests"])


def _head_branch(forge: Forge, repo: Repository, sha: str) -> str | None:
    refs = [p.head_ref for p in _pulls(forge, repo, sha)]
    return next(iter([*refs, *(t.branch for t in forge.world.all(Tip, repo) if t.sha == sha)]), None)


def _app(forge: Forge, row: CheckRun) -> Json:
    made_by = by_slug(forge.world, row.app)
    return integration(forge.urls, made_by) if made_by else app(forge.urls, row.app)


def _ran(forge: Forge, repo: Repository, told: Told) -> Json | None:
    """One for all jobs of a workflow: the first that is queued or begun, the last that ends."""
    row = told.row
    if not isinstance(row, CheckRun):
        return None
    file = row.external_id.partition(":")[0]
    jobs = [c for c in _runs(forge, repo, row) if c.external_id.partition(":")[0] == file]
    others = [c for c in jobs if c.id != row.id]
    if told.action == "in_progress" and any(c.status != "queued" for c in others):
        return None
    if told.action == "completed" and any(c.status != "completed" for c in others):
        return None
    commit = forge.repos.facts(forge.repos.path(repo.owner, repo.name), row.head_sha)
    branch = _head_branch(forge, repo, row.head_sha)
    run = action_shapes.Run(file=file, number=jobs[0].id, jobs=jobs, branch=branch, commit=commit)
    shown = action_shapes.workflow_run(forge.urls, repo, run)
    workflow = action_shapes.workflow(forge.urls, repo, file, file)
    place = shapes.lite_place(forge.urls, repo)
    more: Json = {"referenced_workflows": [], "repository": place, "head_repository": place}
    more["check_suite_node_id"] = f"CS_{shown['check_suite_id']}"
    more["pull_requests"] = _minimal_pulls(forge, repo, row)
    untold = {"display_title"} if told.action == "in_progress" else set[str]()
    run_shown = {name: value for name, value in {**shown, **more}.items() if name not in untold}
    return {"workflow_run": run_shown, "workflow": workflow}


def _reported(forge: Forge, repo: Repository, told: Told) -> Json | None:
    row = told.row
    if not isinstance(row, CommitStatus):
        return None
    api, facts = forge.urls.repository(repo), forge.repos.facts(forge.repos.path(repo.owner, repo.name), row.sha)
    branches = [t for t in forge.world.all(Tip, repo) if t.sha == row.sha]
    return {
        "id": row.id,
        "sha": row.sha,
        "name": repo.full_name,
        "avatar_url": f"{forge.urls.site}/{row.creator}.png",
        "target_url": row.target_url,
        "context": row.context,
        "description": row.description,
        "state": row.state,
        "commit": shapes.status_commit(forge.urls, repo, row.sha, facts),
        "branches": [
            {"name": t.branch, "commit": {"sha": t.sha, "url": f"{api}/commits/{t.sha}"}, "protected": False}
            for t in branches
        ],
        "created_at": row.created_at,
        "updated_at": row.created_at,
    }


def _grouped(forge: Forge, repo: Repository, told: Told) -> Json | None:
    row = told.row
    if not isinstance(row, QueueEntry) or not row.group_sha:
        return None
    facts = forge.repos.facts(forge.repos.path(repo.owner, repo.name), row.group_sha)
    group: Json = {
        "head_sha": row.group_sha,
        "head_ref": f"refs/heads/{row.group_ref}",
        "base_sha": row.base_sha,
        "base_ref": f"refs/heads/{row.base_ref}",
        "head_commit": shapes.simple_commit(row.group_sha, facts),
    }
    pull = forge.world.pull(repo, row.number)
    landed = pull is not None and bool(pull.merged_at or pull.landing)
    reason: Json = {"reason": "merged" if landed else "dequeued"} if told.action == "destroyed" else {}
    return {"merge_group": group, **reason}


BODIES: Mapping[str, Callable[[Forge, Repository, Told], Json | None]] = {
    "push": _pushed,
    "create": _created,
    "delete": _deleted,
    "check_run": _checked,
    "check_suite": _suite_done,
    "workflow_run": _ran,
    "status": _reported,
    "merge_group": _grouped,
}
