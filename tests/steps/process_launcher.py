"""A launcher whose runs are processes of their own that take turns as a Dagster run would; a killed one is a failure.
`until` is the resumer's loop: what the sensor does every few seconds."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from oneshot_dagster.domain.artifact import Artifact, NotMyTurn
from oneshot_dagster.domain.attempt import Attempt, Launch
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import LeaseLost, OneshotError
from oneshot_dagster.services.launcher.protocol import RunView
from oneshot_dagster.settings import Settings
from oneshot_dagster.steps.resume import continue_changes
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.take import Caller, taken

server = multiprocessing.get_context("forkserver")
server.set_forkserver_preload(
    [  # what a run, or a look, would import by and by, each process anew
        *("oneshot_dagster.bootstrap", "oneshot_dagster.steps.take", "oneshot_dagster.steps.triggers"),
        *("oneshot_dagster.services.git.command", "oneshot_dagster.services.github.connection"),
        *("git", "githubkit", "httpcore", "psycopg", "sqlalchemy.dialects.postgresql.psycopg", "encodings.idna"),
    ]
)
_WHILE_IT_RUNS, _OTHERWISE = 0.4, 0.1  # seconds between two looks


def one_run(
    settings: Settings,
    key: ChangeKey,
    run_id: str,
    artifacts: tuple[str, ...],
    log: Path,
    limits: Mapping[str, float],
) -> None:
    """The body of a run: what follows a step that left nothing is skipped, as Dagster does it."""
    from oneshot_dagster.bootstrap import open_services

    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    services = open_services(settings)
    services = replace(services, limits=replace(services.limits, **limits))
    with log.open("a") as said:

        def say(text: str) -> None:
            said.write(f"{text}\n")
            said.flush()

        caller = Caller(run_id=run_id, say=say, others_wait=lambda: False)
        try:
            for artifact in artifacts:
                with taken(services, Artifact(artifact), key, caller) as outcome:
                    say(f"{artifact}: {outcome.reason if isinstance(outcome, NotMyTurn) else outcome.what_happened}")
                if isinstance(outcome, NotMyTurn):
                    return
        except LeaseLost as error:
            say(f"no-op: {error}")
        except OneshotError as error:
            say(f"failed: {error}")
            sys.exit(1)
        finally:
            services.close()


@dataclass
class ProcessLauncher:
    """`limits` are over what the settings give to a run; of what it is launched with it does `artifacts` alone.

    `armed` are other settings for the first, the second, … run.
    """

    settings: Settings
    logs: Path
    limits: Mapping[str, float] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = tuple(Artifact)
    armed: Mapping[int, Settings] = field(default_factory=dict)
    runs: dict[str, ForkServerProcess] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)

    def start(self, attempt: Attempt, launch: Launch, *, root_run_id: str | None, parent_run_id: str | None) -> None:
        del root_run_id, parent_run_id
        if launch.dagster_run_id not in self.runs:
            self.by_hand(attempt.key, launch.dagster_run_id, launch.selection)

    def by_hand(self, key: ChangeKey, run_id: str, artifacts: tuple[str, ...] = tuple(Artifact)) -> ForkServerProcess:
        """As `dagster job launch` would: no launch row before it."""
        self.logs.mkdir(exist_ok=True)
        log = self.logs / f"{key.issue_number}.log"
        settings = self.armed.get(len(self.runs) + 1, self.settings)
        chosen = tuple(artifact for artifact in artifacts if artifact in self.artifacts)
        arguments = (settings, key, run_id, chosen, log, dict(self.limits))
        process = server.Process(target=one_run, args=arguments)
        process.start()
        self.runs[run_id] = process
        return process

    def view(self, run_ids: tuple[str, ...]) -> dict[str, RunView]:
        return {
            run_id: RunView(run_id=run_id, status=self._status(run_id)) for run_id in run_ids if run_id in self.runs
        }

    def fail(self, run_id: str, reason: str) -> None:
        del reason
        self.ended[run_id] = "failure"

    def terminate(self, run_id: str) -> None:
        self.runs[run_id].kill()
        self.ended[run_id] = "canceled"

    def close(self) -> None:
        for process in self.runs.values():
            process.kill()
            process.join()

    def ends(self) -> list[str]:
        """How each run ended, oldest first; waits for the last one to be gone."""
        for process in self.runs.values():
            process.join(20)
        return [self._status(run_id) for run_id in self.runs]

    def waits(self) -> None:
        """Until the next look: the end of a run is seen at once."""
        alive = [process.sentinel for process in self.runs.values() if process.exitcode is None]
        connection.wait(alive, _WHILE_IT_RUNS if alive else _OTHERWISE)

    def said(self, key: ChangeKey) -> str:
        log = self.logs / f"{key.issue_number}.log"
        return log.read_text() if log.exists() else ""

    def _status(self, run_id: str) -> str:
        if run_id in self.ended:
            return self.ended[run_id]
        code = self.runs[run_id].exitcode
        return "started" if code is None else "success" if code == 0 else "failure"


def until(
    services: Services,
    launcher: ProcessLauncher,
    key: ChangeKey,
    settled: Callable[[Attempt], bool],
    *,
    seconds: float = 90.0,
    look: Callable[[], list[str]] | None = None,
) -> Attempt:
    """Looks as the sensor does until the newest attempt is as wanted; the failure tells the whole story."""
    look = look or (lambda: continue_changes(services, launcher, only=key))
    deadline, story = time.monotonic() + seconds, list[str]()
    while True:
        attempt = services.store.runs.latest(key)
        if attempt is not None and settled(attempt):
            return attempt
        for line in look():
            if not story or story[-1] != line:
                story.append(line)
        if time.monotonic() > deadline:
            told = "\n".join(story)
            raise AssertionError(f"{key} stands at {attempt}\n\n{told}\n\n{launcher.said(key)}")
        launcher.waits()


def sealed(attempt: Attempt) -> bool:
    """It has ended, and its evidence is whole."""
    return attempt.evidence_head is not None
