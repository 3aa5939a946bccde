"""Runs the change's tests without the rest of the change: the base's tree, first as it is, then with the tests put over it.
What the runs prove is domain.new_tests."""

import os
import shutil
from pathlib import Path

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.new_tests import Proof, laid_over, nothing_to_run, proof
from oneshot_dagster.domain.snapshot import Snapshot
from oneshot_dagster.domain.test_results import SuiteResult
from oneshot_dagster.steps.exporting import exported
from oneshot_dagster.steps.local_test_report import first_unready, run_setup, run_tests
from oneshot_dagster.steps.turn import Turn

_ON_BASE, _LAID_OVER = " on the base", " on the base, with the change's tests"


def prove(turn: Turn, snapshot: Snapshot) -> Proof:
    report = turn.store.artifacts.report(turn.attempt.id, kind="local", sha=snapshot.head_sha)
    has_commands = bool(turn.policy.tests.commands)
    found = nothing_to_run(snapshot, has_commands=has_commands, head=report.verdict if report else None) or _run(
        turn, snapshot
    )
    turn.fact("engine", "new_tests", {"verdict": found.verdict, "detail": found.detail}, sha=snapshot.head_sha)
    return found


def _run(turn: Turn, snapshot: Snapshot) -> Proof:
    with exported(turn, snapshot.base_sha, purpose="base") as base:
        unready = first_unready(run_setup(turn, base, snapshot.base_sha))
        if unready is not None:
            return _did_not_run(f"the base could not be set up: {unready.reason}")
        alone = run_tests(turn, base, snapshot.base_sha, where=_ON_BASE)
        with exported(turn, snapshot.head_sha, purpose="head") as head:
            odd = [file.path for file in laid_over(snapshot) if not _lay(file.path_bytes, head, base)]
        if odd:
            return _did_not_run(f"these tests cannot be put over the base: {', '.join(odd[:5])}")
        laid = run_tests(turn, base, snapshot.base_sha, where=_LAID_OVER)
    _keep(turn, (*alone, *laid))
    return proof(snapshot, base=alone, laid=laid)


def _lay(path: bytes, head: Path, base: Path) -> bool:
    """False where a link of the base, or what its tests left there, is in the way: it could lead out of the tree."""
    inner = Path(os.fsdecode(path))
    folders = [base / parent for parent in inner.parents]
    target = base / inner
    if any(folder.is_symlink() for folder in folders) or target.is_dir():
        return False
    try:
        target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(head / inner, target, follow_symlinks=False)
    except OSError:
        return False
    return True


def _keep(turn: Turn, results: tuple[SuiteResult, ...]) -> None:
    told = "".join(f"\n$ {r.command}\n{r.log_tail}\n[{r.suite}: {r.verdict}: {r.reason}]\n" for r in results)
    turn.file("new-tests-log", told.encode(errors="replace"), "text/plain")


def _did_not_run(detail: str) -> Proof:
    return Proof(verdict=Verdict.DID_NOT_RUN, detail=detail)
