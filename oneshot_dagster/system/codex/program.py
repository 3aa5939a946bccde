"""The Codex program: where it is, how it is called, and whether its sandbox works here. What it is asked is not here.
Its own bubblewrap goes first: with a distribution's older one on the PATH no command of the model can be started."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.system.codex.home import KEY_VARIABLE, PROFILE, Places
from oneshot_dagster.system.process import Command, Finished, clean_environment, run
from oneshot_dagster.system.sandbox.room import Bounds

_SYSTEM = "/usr/local/bin:/usr/bin:/bin"
_PATIENCE = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    path: Path

    @property
    def folder(self) -> Path:
        """Of its package: what its sandbox has to read of it."""
        return self.path.resolve().parent.parent

    def search_path(self, before: tuple[Path, ...] = ()) -> str:
        own = self.folder / "codex-resources"
        return ":".join([*map(str, before), *([str(own)] if own.is_dir() else []), _SYSTEM])


def installed(path: Path | None = None) -> Program:
    """The one at that path, else that of the wheel. NeedsHuman where there is none."""
    if path is not None:
        if path.is_file():
            return Program(path=path)
        raise NeedsHuman(f"there is no Codex at {path}; mend ONESHOT_AGENT__COMMAND", reason="agent_not_installed")
    try:
        from codex_cli_bin import bundled_codex_path

        return Program(path=bundled_codex_path())
    except (ImportError, FileNotFoundError):
        do = "install oneshot-dagster[codex], or set ONESHOT_AGENT__COMMAND to its path"
        raise NeedsHuman(f"Codex is not installed; {do}", reason="agent_not_installed") from None


def version(program: Program) -> str:
    """As it says itself."""
    command = Command(argv=(str(program.path), "--version"), cwd=Path("/"), env=clean_environment(), timeout=_PATIENCE)
    return run(command).stdout.decode(errors="replace").strip()[:100] or "a Codex that says no version"


def environment(program: Program, places: Places, *, key: str | None, extra: Mapping[str, str]) -> dict[str, str]:
    """All that Codex itself gets; the model's commands get less (its configuration says what)."""
    own = {
        "PATH": program.search_path(),
        "HOME": str(places.own),
        "GIT_CONFIG_NOSYSTEM": "1",
        "CODEX_HOME": str(places.codex),
        "TMPDIR": str(places.tmp),
        "LANG": "C.UTF-8",
    }
    return own | dict(extra) | ({KEY_VARIABLE: key} if key is not None else {})


def bounded(bounds: Bounds) -> tuple[str, ...]:
    """What stands before the program: the kernel's limits of a process, for it and for each command of its model's. What all
    of them use together is looked at from outside (system/sandbox/usage)."""
    return ("prlimit", f"--data={bounds.memory}", f"--fsize={bounds.file}", "--core=0", "--")


def check_sandbox(program: Program, places: Places, worktree: Path, *, writes: bool = True) -> None:
    """NeedsHuman where a command of the model could not be run, could write or not other than it should, or could read what it
    must not.

    Before the first token is spent: with a broken sandbox Codex goes on, every command fails, and it ends well.
    """
    canary, word = places.root / "canary", secrets.token_hex(8)
    canary.write_text(word)
    probe = f'{"" if writes else "! "}test -w . && ! cat "{canary}" 2>/dev/null && echo {word[::-1]}'
    finished = run(
        Command(
            argv=(str(program.path), "sandbox", "-P", PROFILE, "-C", str(worktree), "--", "/bin/sh", "-c", probe),
            cwd=worktree,
            env=environment(program, places, key=None, extra={}),
            timeout=_PATIENCE,
        )
    )
    if finished.stdout.decode(errors="replace").strip() != word[::-1]:
        raise NeedsHuman(
            f"Codex's sandbox does not work here, so nothing was asked of a model: {_why(finished)}",
            reason="agent_sandbox_broken",
        )


def _why(finished: Finished) -> str:
    if finished.timed_out:
        return f"no answer within {_PATIENCE:g} s"
    said = finished.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return said[:300] or f"it ended with {finished.returncode}, and let a command read or kept it from writing"
