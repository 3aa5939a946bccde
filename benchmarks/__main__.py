"""`python -m benchmarks [--only PART,PART] [--rounds N]`: measures, prints, and with all parts of it writes RESULTS.md."""

import argparse
import contextlib
import itertools
import os
import tempfile
from collections.abc import Generator
from pathlib import Path

from benchmarks import cold_shell, continuing, events, many, results, snapshot, waiting, whole_run
from benchmarks.world import World, running
from oneshot_dagster.services.store.postgres import PostgresStore

PARTS = ("whole", "cold", "snapshot", "events", "continuing", "waiting", "many")
FILE = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    options = _options()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, running(Path(folder) / "home") as world:
        page = measure(world, options.only, rounds=options.rounds, files=options.files)
    text = _page(page, (load, os.getloadavg()[0]), options)
    print(text)
    if set(options.only) == set(PARTS):
        FILE.write_text(text)


def measure(world: World, parts: tuple[str, ...], *, rounds: int, files: int, stock: int = 1) -> list[str]:
    rows: list[results.Row] = []
    below: list[str] = []
    script = 0.0
    if "whole" in parts:
        whole = whole_run.measure(world, rounds=rounds, watched=3, stock=stock)
        script = whole.median("script", "run")
        rows += results.whole_rows(whole)
        below += ["", "## Where a run's time goes", "", *results.shares(whole), "", _same(whole)]
    if "cold" in parts:
        cold = cold_shell.measure(world, rounds=max(1, rounds - 2))
        rows.append(results.cold_row(cold, script))
        below += ["", "## Where the time of `oneshot run` goes", "", *results.stages(cold)]
    if "snapshot" in parts:
        with _saving(world) as save:
            rows += results.snapshot_rows(snapshot.main(files=files, rounds=rounds, save=save))
    if "events" in parts:
        rows += results.event_rows(events.measure())
    if "continuing" in parts:
        rows += results.continuing_rows(continuing.measure(world))
    if "waiting" in parts:
        rows += results.waiting_rows(waiting.measure(world))
    if "many" in parts:
        rows += results.many_rows(many.measure(world))
    return [*results.table(rows), *results.reasons(rows), *below]


@contextlib.contextmanager
def _saving(world: World) -> Generator[snapshot.Save]:
    """The rows of a snapshot into the world's own database, each time those of another pull request."""
    store = PostgresStore(world.server.url("oneshot"), application_name="benchmark")
    try:
        pulls = itertools.count(2)
        yield lambda base_sha, head_sha, files: store.projections.save_snapshot(
            snapshot.KEY, pr_number=next(pulls), base_sha=base_sha, head_sha=head_sha, files=files
        )
    finally:
        store.close()


def _same(whole: whole_run.Measured) -> str:
    if not whole.differing:
        return "The forge's request log shows the same requests for the script as for the run, each as often."
    return f"The forge's request log differs between script and run: {dict(whole.differing)}"


def _page(page: list[str], load: tuple[float, float], options: argparse.Namespace) -> str:
    head = [
        "# Results",
        "",
        f"Made by `make bench` (`python -m benchmarks --rounds {options.rounds}`) on {results.machine(load)}.",
        "Medians with the least in brackets; baseline and ours are taken in turn, so that both meet the same load.",
        "",
        "A run is one change with a null agent, null CI delay and null deploy, from run started to run ended. The script is",
        "a plain Python program that makes the same git commands and HTTP calls to the same forge, one after another: they",
        "are recorded in a run and repeated in a repository of equal shape.",
        "",
    ]
    return "\n".join([*head, *page]) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", type=lambda text: tuple(text.split(",")), default=PARTS, help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--files", type=int, default=50_000, help="of the repository that snapshots are taken in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
