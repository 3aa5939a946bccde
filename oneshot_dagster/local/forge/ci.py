"""The forge's CI: which check runs a head gets, and their course from queued to completed.
Reading workflows is in workflow, running one job in ci_job."""

import io
import shutil
import tarfile
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from oneshot_dagster.local.forge import ci_job
from oneshot_dagster.local.forge.config import ForgeConfig
from oneshot_dagster.local.forge.expression import Context, compile_condition, truth
from oneshot_dagster.local.forge.records import CheckRun, Pull, Repository
from oneshot_dagster.local.forge.repos import Repos
from oneshot_dagster.local.forge.shapes.people import CI_APP
from oneshot_dagster.local.forge.workflow import Job, Trigger, Workflow, name_of, read
from oneshot_dagster.local.forge.world import World, now

_WORKERS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """One workflow at one SHA; `checks` are the ids of its check runs by job."""

    repository: Repository
    sha: str
    workflow: Workflow
    github: Mapping[str, str]
    checks: Mapping[str, int]


class Ci:
    def __init__(self, config: ForgeConfig, world: World, repos: Repos) -> None:
        self._config, self._world, self._repos = config, world, repos
        self._workers = ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="ci")
        self._stopped = threading.Event()
        self._building: set[tuple[int, str, str]] = set()  # repository, SHA, workflow
        self._scratch = config.home / "ci"
        shutil.rmtree(self._scratch, ignore_errors=True)

    def stop(self) -> None:
        """Kills what runs. Its checks stay unfinished and start again with the next forge of this home."""
        self._stopped.set()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def start(self, repository: Repository, pull: Pull, action: str) -> None:
        """Queues a check run per job of each workflow that the event starts.

        A workflow that is being built at this head already is left to it; check runs that a killed forge left
        unfinished are taken up.
        """
        trigger = Trigger(action=action, head_ref=pull.head_ref, base_ref=pull.base_ref)
        with self._world.change():
            for file, text in self._files(repository, pull.head_sha):
                workflow = read(file, text, trigger)
                key = (repository.id, pull.head_sha, file)
                if workflow is not None and key not in self._building:
                    self._building.add(key)
                    self._queue(repository, pull, workflow, trigger.event)

    def resume(self, repository: Repository, pulls: Iterable[Pull]) -> None:
        """After a start: the checks that were unfinished run again, or are cancelled where nobody waits for them."""
        left = [c for c in self._world.all(CheckRun, repository) if c.app == CI_APP and c.status != "completed"]
        for pull in pulls:
            if pull.head_sha in {c.head_sha for c in left}:
                self.start(repository, pull, "synchronize")
        for check in left:
            if (repository.id, check.head_sha, check.external_id.partition(":")[0]) not in self._building:
                self._world.put(replace(check, status="completed", conclusion="cancelled", completed_at=now()))

    def _files(self, repository: Repository, sha: str) -> Iterable[tuple[str, str]]:
        path = self._repos.path(repository.owner, repository.name)
        done = self._repos.git(path, "archive", "--format=tar", sha, "--", ".github/workflows")
        if done.returncode != 0:
            return
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            for member in sorted(tar.getmembers(), key=lambda m: m.name):
                name = Path(member.name)
                body = tar.extractfile(member) if member.isfile() and name.suffix in {".yml", ".yaml"} else None
                if body and name.parent == Path(".github/workflows"):
                    yield name.name, body.read().decode(errors="replace")

    def names(self, repository: Repository, sha: str) -> list[tuple[str, str]]:
        """Each workflow file at that commit, and what it calls itself."""
        return [(file, name_of(file, text)) for file, text in self._files(repository, sha)]

    def _queue(self, repository: Repository, pull: Pull, workflow: Workflow, event: str) -> None:
        sha = pull.head_sha
        checks = {j.job_id: self._check(repository, sha, f"{workflow.file}:{j.job_id}", j).id for j in workflow.jobs}
        github = {
            "sha": sha,
            "ref": f"refs/heads/{pull.head_ref}",
            "ref_name": pull.head_ref,
            "head_ref": pull.head_ref,
            "base_ref": pull.base_ref,
            "event_name": event,
            "repository": repository.full_name,
            "actor": repository.owner,
        }
        build = Build(repository=repository, sha=sha, workflow=workflow, github=github, checks=checks)
        if self._config.null_ci:
            for job in workflow.jobs:
                self._end(build, job, ci_job.Outcome(conclusion="success", title="CI is off (--null-ci)", log=""))
            self._building.discard((repository.id, sha, workflow.file))
        else:
            self._workers.submit(self._run, build)

    def _check(self, repository: Repository, sha: str, external_id: str, job: Job) -> CheckRun:
        open_ones = [
            c
            for c in self._world.all(CheckRun, repository)
            if (c.head_sha, c.external_id, c.app) == (sha, external_id, CI_APP) and c.status != "completed"
        ]
        fresh = CheckRun(
            id=open_ones[0].id if open_ones else self._world.next_id(),
            repository=repository.id,
            app=CI_APP,
            name=job.name,
            head_sha=sha,
            external_id=external_id,
            status="queued",
            started_at=now(),
        )
        return self._world.put(fresh)

    def _run(self, build: Build) -> None:
        try:
            self._run_jobs(build)
        finally:
            with self._world.change():
                self._building.discard((build.repository.id, build.sha, build.workflow.file))

    def _run_jobs(self, build: Build) -> None:
        self._stopped.wait(self._config.ci_delay)
        results: dict[str, str] = {}
        for job in build.workflow.jobs:
            if self._stopped.is_set():
                return
            outcome = self._job(build, job, results)
            if self._stopped.is_set():
                return
            results[job.job_id] = "failure" if outcome.conclusion == "timed_out" else outcome.conclusion
            self._end(build, job, outcome)

    def _job(self, build: Build, job: Job, results: Mapping[str, str]) -> ci_job.Outcome:
        if job.problems:
            return ci_job.unsupported(job)
        needs = {name: results[name] for name in job.needs}
        status = "success" if all(r == "success" for r in needs.values()) else "failure"
        context = Context(env=build.workflow.env, github=build.github, needs=needs, status=status)
        if not truth(compile_condition(job.condition)(context)):
            return ci_job.Outcome(conclusion="skipped", title=f"{job.name} was skipped", log="")
        self._world.put(replace(self._row(build, job), status="in_progress", started_at=now()))
        folder = self._scratch / f"{build.checks[job.job_id]}-{time.monotonic_ns()}"
        try:
            return ci_job.run_job(
                job,
                ci_job.Place(
                    folder=folder,
                    repository=self._repos.path(build.repository.owner, build.repository.name),
                    sha=build.sha,
                    git_env=self._repos.environment,
                    stopped=self._stopped.is_set,
                ),
                context,
            )
        except Exception as e:  # noqa: BLE001 - whatever broke, the check must end red and say so
            return ci_job.Outcome(conclusion="failure", title=f"the forge could not run it: {e}", log=repr(e))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _row(self, build: Build, job: Job) -> CheckRun:
        row = self._world.get(CheckRun, build.checks[job.job_id])
        if row is None:
            raise LookupError(f"the check run of {job.job_id} is gone")
        return row

    def _end(self, build: Build, job: Job, outcome: ci_job.Outcome) -> None:
        done = replace(
            self._row(build, job),
            status="completed",
            conclusion=outcome.conclusion,
            completed_at=now(),
            title=outcome.title,
            summary=outcome.summary or outcome.title,
            log=outcome.log,
        )
        self._world.put(done)
