"""Who looks at a change, each look a process of its own that may die at a boundary. What it wants started, the test starts."""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from process_launcher import ProcessLauncher, server

from oneshot_dagster.domain.attempt import Attempt, Launch
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.launcher.protocol import RunView
from oneshot_dagster.settings import Settings

_DIED = -signal.SIGKILL


@dataclass(frozen=True)
class Wishes:
    """A launcher that leaves each wish as a file; `runs` are those that there are, with their status."""

    runs: Mapping[str, str]
    folder: Path

    def start(self, attempt: Attempt, launch: Launch, *, root_run_id: str | None, parent_run_id: str | None) -> None:
        del root_run_id, parent_run_id
        wish = self.folder / f"{launch.dagster_run_id}.new"
        wish.write_text(json.dumps([str(attempt.key), launch.selection]))
        wish.rename(wish.with_suffix(".start"))

    def view(self, run_ids: tuple[str, ...]) -> dict[str, RunView]:
        return {one: RunView(run_id=one, status=self.runs[one]) for one in run_ids if one in self.runs}

    def fail(self, run_id: str, reason: str) -> None:
        del reason
        (self.folder / f"{run_id}.fail").touch()

    def terminate(self, run_id: str) -> None:
        (self.folder / f"{run_id}.terminate").touch()


def one_look(settings: Settings, key: ChangeKey, wishes: Wishes, said: Path) -> None:
    from oneshot_dagster.bootstrap import open_services
    from oneshot_dagster.steps.resume import continue_changes

    os.setsid()
    services = open_services(settings)
    said.write_text("\n".join(continue_changes(services, wishes, only=key)))
    services.close()


@dataclass
class MortalLooks:
    """Looks with these settings until one of them has died."""

    settings: Settings
    key: ChangeKey
    launcher: ProcessLauncher
    folder: Path
    died: bool = False

    def __call__(self) -> list[str]:
        self.folder.mkdir(exist_ok=True)
        said = self.folder / "said"
        said.unlink(missing_ok=True)
        wishes = Wishes({run_id: view.status for run_id, view in self._views().items()}, self.folder)
        process = server.Process(target=one_look, args=(self.settings, self.key, wishes, said))
        process.start()
        process.join()
        assert process.exitcode in {0, _DIED}, "a look failed"
        self.died = process.exitcode == _DIED
        self._grant()
        return said.read_text().splitlines() if said.exists() else ["the look died"]

    def _views(self) -> dict[str, RunView]:
        return self.launcher.view(tuple(self.launcher.runs))

    def _grant(self) -> None:
        for wish in sorted(self.folder.glob("*.*")):
            match wish.suffix:
                case ".start" if wish.stem not in self.launcher.runs:
                    key, artifacts = json.loads(wish.read_text())
                    self.launcher.by_hand(ChangeKey.parse(key), wish.stem, tuple(artifacts))
                case ".fail":
                    self.launcher.fail(wish.stem, "")
                case ".terminate":
                    self.launcher.terminate(wish.stem)
            wish.unlink()
