"""The command `oneshot`: which subcommands there are, each imported when it is used, and how an error reaches a person.
What a subcommand does is in the module of its name."""

import contextlib
import gc
import importlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from oneshot_dagster.domain.errors import BadInput, OneshotError

_COMMANDS = {
    "demo": "one issue to a merged, deployed, verified change, in a world of its own",
    "dev": "that world left running, with the Dagster UI",
    "up": "the platform against the GitHub of your own settings",
    "github": "connect a home to GitHub, as an App or with a token",
    "init": "propose a policy to a repository, in a pull request",
    "serve": "the web process by itself: the UI, and the port for webhooks",
    "run": "take a change as far as it goes, and follow it",
    "list": "the changes and where they stand",
    "status": "one change: its SHAs, artifacts and success criteria",
    "explain": "why a change stands where it stands, and what would open its gate",
    "logs": "what the agent said and what happened to a change",
    "diff": "the patch of a change",
    "stop": "end a change before its merge",
    "hold": "keep a change from merging",
    "resume": "take a hold away",
    "retry": "let a stopped change try again",
    "resume-intake": "let a repository's changes be taken in again",
    "rollback": "take a merged change back",
    "approve": "approve the present head of a change",
    "answer": "answer a change that asks a person",
    "freeze": "hold every merge, here or everywhere",
    "unfreeze": "lift a freeze, or let a stopped lane go on",
    "snapshot": "the stored files of a change",
    "evidence": "verify what an attempt left as proof",
    "events": "what GitHub delivered, and projecting it again",
    "policy": "check a policy file",
    "doctor": "what works here, what does not, and what to do",
    "gc": "free what finished changes left",
    "db": "the database's schema",
    "forge": "issues and labels on the local forge",
}
_ENTRIES = {name: f"oneshot_dagster.cli.{name}:{name}" for name in _COMMANDS} | {
    name: f"oneshot_dagster.cli.requests:{name}"
    for name in ("stop", "hold", "resume", "retry", "rollback", "approve", "answer")
}
_ENTRIES["unfreeze"] = "oneshot_dagster.cli.freeze:unfreeze"
_ENTRIES["resume-intake"] = "oneshot_dagster.cli.resume_intake:resume_intake"
_ENTRIES["list"] = "oneshot_dagster.cli.changes:changes"
INTERRUPTED = 130


class Lazy(click.Group):
    """Lists its commands without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        entry = _ENTRIES.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def oneshot() -> None:
    """One labelled GitHub issue becomes a merged, deployed and verified change, or a person is told why not."""


def main() -> NoReturn:
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # a shell's background job would have it ignored
    # What is imported stays, and looking through it each time takes longer than a command.
    gc.set_threshold(100_000, 20, 20)
    code = _exit_code()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)  # everything is closed by now; taking a loaded Dagster apart object by object takes half a second


def _exit_code() -> int:
    """2 for wrong input, 1 for every other failure, each said in one line; Ctrl-C says nothing."""
    try:
        answer = oneshot(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except OneshotError as error:
        click.echo(f"oneshot: {error}", err=True)
        return 2 if isinstance(error, BadInput) else 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return answer if isinstance(answer, int) else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
