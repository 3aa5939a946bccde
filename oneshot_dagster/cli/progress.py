"""How a followed change is shown: a table that redraws itself on a terminal, a line for each thing that happened elsewhere."""

import contextlib
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol

from oneshot_dagster.cli.following import Look
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import STOPPED, Kind, State

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

DOES = {
    Artifact.WORKTREE: "make a worktree at the base commit",
    Artifact.PATCH: "let the agent make the change, commit it",
    Artifact.LOCAL_TEST_REPORT: "run the repository's tests on that commit",
    Artifact.PULL_REQUEST: "push the branch, open the pull request",
    Artifact.FILE_SNAPSHOT: "store every changed file of the head",
    Artifact.CHECK_STATE: "wait for CI, reviews and mergeability",
    Artifact.EVALUATION: "judge this very commit",
    Artifact.MERGE: "merge the judged commit, check what landed",
    Artifact.DEPLOYMENT: "deploy the merged commit, wait until it serves",
    Artifact.VERIFICATION_REPORT: "test the deployed service",
    Artifact.EVIDENCE: "seal the evidence",
}


class Shows(Protocol):
    def __call__(self, seen: Look, /) -> None: ...


@contextlib.contextmanager
def shown(console: "Console", *, lines: "Lines | None" = None) -> Generator[Shows]:
    """Give each look to what this yields; `lines` of an earlier showing say nothing twice."""
    if not console.is_terminal:
        yield lines or Lines(console)
        return
    from rich.live import Live

    with Live(console=console, refresh_per_second=8, transient=False) as live:
        yield Table(live)


class Lines:
    """Seconds are since the first look."""

    def __init__(self, console: "Console") -> None:
        self._console, self._began = console, time.monotonic()
        self._said: set[tuple[object, ...]] = set()

    def __call__(self, seen: Look) -> None:
        attempt = seen.attempt
        first = attempt.number == 1
        why = ": it takes the merged one back" if attempt.kind is Kind.REVERT else ""
        self._once(("attempt", attempt.id), "" if first else f"attempt {attempt.number} begins{why}")
        for name in Artifact:
            record = seen.records.get(name)
            if record is None:
                continue
            text = f"{name.value:<20} {record.seconds:5.2f} s  {record.record.what_happened}"
            self._once((attempt.id, name, record.at), text)
        if attempt.state in STOPPED | {State.ROLLING_BACK}:
            self._once((attempt.id, attempt.state), f"{attempt.state}: {attempt.reason}")
        elif seen.parked and attempt.awaited is not None:
            self._once((attempt.id, attempt.awaited.what), f"waiting for {attempt.awaited.what}: {attempt.reason}")

    def _once(self, what: tuple[object, ...], text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            if text:
                self._console.print(
                    f"{time.monotonic() - self._began:6.1f} s  {text}", markup=False, highlight=False, soft_wrap=True
                )


class Table:
    """The eleven steps of the newest attempt; what earlier attempts came to stays above."""

    def __init__(self, live: "Live") -> None:
        self._live, self._attempt, self._since = live, "", time.monotonic()
        self._done = 0

    def __call__(self, seen: Look) -> None:
        if self._attempt and self._attempt != seen.attempt.id:
            self._live.console.print(f"  attempt {seen.attempt.number}, {_why(seen)}")
        if (self._attempt, self._done) != (seen.attempt.id, len(seen.records)):
            self._attempt, self._done, self._since = seen.attempt.id, len(seen.records), time.monotonic()
        self._live.update(self._table(seen))

    def _table(self, seen: Look) -> "RenderableType":
        from rich import box
        from rich.spinner import Spinner
        from rich.table import Table as Rows
        from rich.text import Text

        rows = Rows(
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            title=f"{seen.attempt.key}, attempt {seen.attempt.number}: {seen.attempt.state}",
            title_justify="left",
        )
        rows.add_column("", width=2)
        rows.add_column("step", no_wrap=True)
        rows.add_column("seconds", justify="right")
        rows.add_column("what it does, what happened", overflow="fold")
        current = next((a for a in Artifact if a not in seen.records), None)
        stopped = seen.attempt.state in STOPPED
        for artifact in Artifact:
            record = seen.records.get(artifact)
            if record is not None:
                mark = "✓" if all(check.passed for check in record.record.checks) else "✗"
                rows.add_row(mark, artifact.value, f"{record.seconds:.2f}", Text(record.record.what_happened))
            elif artifact is current and not stopped and not seen.parked:
                rows.add_row(
                    Spinner("dots"), artifact.value, f"{time.monotonic() - self._since:.1f}", Text(DOES[artifact])
                )
            else:
                rows.add_row("", Text(artifact.value, style="dim"), "", Text(DOES[artifact], style="dim"))
        return rows


def _why(seen: Look) -> str:
    if seen.attempt.kind is Kind.REVERT:
        return "which takes the merged one back"
    return f"because {seen.attempt.next_prompt or 'the last one failed'}"
