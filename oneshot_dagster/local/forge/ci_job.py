"""Runs one CI job: its steps in a folder of their own, with a clean environment. The forge's secrets are not in it,
but nothing is isolated: a step runs as the user who runs the forge."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from oneshot_dagster.local.forge.expression import Context, compile_condition, interpolate, truth
from oneshot_dagster.local.forge.workflow import Job, Step
from oneshot_dagster.system.process import Command, Finished, clean_environment, run

_TIMEOUT = 600.0
_LOG_KEPT = 60_000  # GitHub takes 65,535 characters of text
_OUTPUT_KEPT = 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    folder: Path
    repository: Path
    sha: str
    git_env: Mapping[str, str]
    stopped: Callable[[], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    conclusion: str
    title: str
    log: str
    summary: str = ""


def unsupported(job: Job) -> Outcome:
    """Never skipped green: what cannot be honoured fails and is named."""
    named = "\n".join(f"- {p}" for p in job.problems)
    return Outcome(
        conclusion="failure",
        title=f"not supported by this forge: {job.problems[0]}",
        summary=f"The workflow asks for what this forge does not imitate:\n\n{named}",
        log=named,
    )


def run_job(job: Job, place: Place, context: Context) -> Outcome:
    workspace = place.folder / "workspace"
    for folder in (workspace, place.folder / "home", place.folder / "tmp"):
        folder.mkdir(parents=True)
    context = replace(context, status="success", env=_filled(job.env, context))
    deadline = time.monotonic() + (job.minutes * 60 if job.minutes else _TIMEOUT)
    told: list[tuple[Step, str, str]] = []
    for step in job.steps:
        result, output = _step(step, place, context, deadline)
        told.append((step, result, output))
        if result not in {"success", "skipped"}:
            context = replace(context, status="failure")
    return _outcome(job, told)


def _outcome(job: Job, told: list[tuple[Step, str, str]]) -> Outcome:
    bad = next(((s, r) for s, r, _ in told if r not in {"success", "skipped"}), None)
    log = "\n".join(f"== {step.name}: {result}\n{output}".rstrip() for step, result, output in told)
    if bad is None:
        title, conclusion = f"{job.name}: all steps passed", "success"
    else:
        conclusion = "timed_out" if bad[1] == "timed out" else "failure"
        title = f"{job.name}: step '{bad[0].name}' {bad[1]}"
    lines = "\n".join(f"- {step.name}: {result}" for step, result, _ in told)
    return Outcome(conclusion=conclusion, title=title, log=log[-_LOG_KEPT:], summary=f"{title}\n\n{lines}")


def _step(step: Step, place: Place, context: Context, deadline: float) -> tuple[str, str]:
    """In a word how it went, and what it printed."""
    context = replace(context, env=_filled(step.env, context))
    if not truth(compile_condition(step.condition)(context)):
        return "skipped", ""
    if step.action is not None:
        return _checkout(place) if step.action == "actions/checkout" else ("success", "")
    left = min(deadline - time.monotonic(), step.minutes * 60 if step.minutes else _TIMEOUT)
    if left <= 0:
        return "timed out", ""
    script = interpolate(step.run or "", context)
    folder = place.folder / "workspace" / interpolate(step.folder, context)
    if not folder.is_dir():
        return "failed", f"working-directory {step.folder} does not exist"
    command = Command(
        argv=_argv(step, script), cwd=folder, env=_environment(place, context), timeout=left, output_limit=_OUTPUT_KEPT
    )
    return _told(run(command, cancelled=place.stopped))


def _told(done: Finished) -> tuple[str, str]:
    output = done.stdout.decode(errors="replace")
    if done.timed_out:
        return "timed out", output
    return "success" if done.returncode == 0 else f"failed with exit code {done.returncode}", output


def _argv(step: Step, script: str) -> tuple[str, ...]:
    """The words that GitHub gives each shell; stderr goes where stdout goes."""
    joined = ("/bin/sh", "-c", 'exec "$@" 2>&1', "step")
    if step.shell == "bash":
        return (*joined, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
    if step.shell == "sh":
        return (*joined, "sh", "-e", "-c", script)
    if step.shell == "python":
        return (*joined, shutil.which("python") or "python3", "-c", script)
    return (*joined, "bash", "-e", "-c", script)


def _checkout(place: Place) -> tuple[str, str]:
    """Exactly the SHA, in a clone of its own: never the branch, which may have moved."""
    workspace = place.folder / "workspace"
    clone = ("git", "clone", "--quiet", "--shared", "--no-checkout", str(place.repository), ".")
    for argv in (clone, ("git", "checkout", "--quiet", "--detach", place.sha)):
        done = run(Command(argv=argv, cwd=workspace, env=place.git_env, timeout=300.0))
        if done.returncode != 0:
            return "failed", done.stderr.decode(errors="replace")
    return "success", f"HEAD is {place.sha}"


def _filled(more: Mapping[str, str], context: Context) -> Mapping[str, str]:
    return {**context.env, **{name: interpolate(value, context) for name, value in more.items()}}


def _environment(place: Place, context: Context) -> dict[str, str]:
    github = {f"GITHUB_{name.upper()}": value for name, value in context.github.items()}
    return clean_environment(
        HOME=str(place.folder / "home"),
        TMPDIR=str(place.folder / "tmp"),
        CI="true",
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(place.folder / "workspace"),
        **github,
    ) | dict(context.env)
