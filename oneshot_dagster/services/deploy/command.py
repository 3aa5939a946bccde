"""Deployment by the policy's own shell lines: they ask a host to start a revision, and then we look until it serves.
The lines never daemonize: what they leave running ends with them."""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oneshot_dagster.domain.errors import BadInput, LeaseLost, TryAgain
from oneshot_dagster.services.deploy import readiness
from oneshot_dagster.services.deploy.guarded import Guarded, output
from oneshot_dagster.services.deploy.protocol import Observed, Target
from oneshot_dagster.system.process import Command, Finished, clean_environment

OUTPUT_LIMIT = 2**20
LONGEST_DETAIL = 2000


@dataclass(frozen=True, kw_only=True)
class CommandDeploy:
    """`env` is what the operator gives to the start lines beside a clean environment, credentials of a host, say."""

    scratch: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def kind(self) -> str:
        return "command"

    def start(
        self, target: Target, *, sha: str, lane_is_ours: Callable[[], bool], say: Callable[[str], None]
    ) -> Observed:
        _sure(sha)
        seen = self.observe(target)
        if self.ready(target, seen, sha=sha):
            say(f"{target.url} serves {sha[:10]} already")
            return seen
        return self._started(target, sha, lane_is_ours, say)

    def _started(
        self, target: Target, sha: str, lane_is_ours: Callable[[], bool], say: Callable[[str], None]
    ) -> Observed:
        deadline = time.monotonic() + target.timeout
        for line in target.start:
            say(f"start: {line}")
            failure = self._run(line.replace("{sha}", sha), target, deadline, lane_is_ours, say)
            if failure:
                seen = self.observe(target)
                return _broken(seen, sha, f"{line}: {failure}")
        say(f"waiting until {target.url} serves {sha[:10]}")
        return _told(readiness.look_until(target.url, sha=sha, deadline=deadline), sha, target)

    def observe(self, target: Target) -> Observed:
        return readiness.look(target.url)

    def problem(self, target: Target) -> str | None:
        """What a line needs is known when it runs."""
        del target

    def ready(self, target: Target, seen: Observed, *, sha: str) -> bool:
        if readiness.serves(seen, sha):
            return True
        return seen.ready and seen.revision is not None and target.contains(seen.revision, sha)

    def failed(self, target: Target, seen: Observed, *, sha: str) -> bool:
        del target
        return seen.broken == sha

    def no_undo(self, target: Target, *, sha: str) -> str | None:
        del sha
        return None if target.start else "the policy has no lines that start a revision"

    def undo(
        self, target: Target, *, sha: str, lane_is_ours: Callable[[], bool], say: Callable[[str], None]
    ) -> Observed:
        """Exactly that revision: what has it in its history is what is to go."""
        _sure(sha)
        seen = self.observe(target)
        return seen if readiness.serves(seen, sha) else self._started(target, sha, lane_is_ours, say)

    def _run(
        self,
        line: str,
        target: Target,
        deadline: float,
        lane_is_ours: Callable[[], bool],
        say: Callable[[str], None],
    ) -> str | None:
        """None where the line succeeded, else how it failed."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="deploy-", dir=self.scratch))
        (home / "tmp").mkdir()
        guarded = Guarded(lane_is_ours=lane_is_ours, say=say)
        command = Command(
            argv=(),
            cwd=target.folder,
            env=clean_environment(HOME=str(home), TMPDIR=str(home / "tmp")) | dict(self.env),
            timeout=max(0.1, deadline - time.monotonic()),
            output_limit=OUTPUT_LIMIT,
        )
        try:
            finished = guarded.run(line, command)
        except OSError as problem:
            where = f"in {target.folder}: {problem.strerror}"
            raise TryAgain(f"the start line of the deployment could not be run {where}") from problem
        finally:
            shutil.rmtree(home, ignore_errors=True)
        if guarded.asked and not guarded.ours:
            raise LeaseLost(f"the lane of {target.repository} is not ours any more: nothing was started")
        return _failure(finished, target)


def _sure(sha: str) -> None:
    if not readiness.SHA.fullmatch(sha):
        raise BadInput(tried="start a deployment", found=repr(sha), do="give the full SHA of a commit")


def _failure(finished: Finished, target: Target) -> str | None:
    if finished.timed_out:
        return f"stopped after {target.timeout:g} s"
    if finished.returncode != 0:
        return f"ended with exit code {finished.returncode}: {output(finished)[-LONGEST_DETAIL:]}"
    return None


def _told(seen: Observed, sha: str, target: Target) -> Observed:
    if readiness.serves(seen, sha):
        return seen
    return _broken(seen, sha, f"{seen.detail}; {sha[:10]} did not serve within {target.timeout:g} s")


def _broken(seen: Observed, sha: str, detail: str) -> Observed:
    return Observed(revision=seen.revision, ready=seen.ready, url=seen.url, detail=detail, broken=sha)
