"""Whether a change's tests prove it: the new and changed ones fail without the rest of the change and pass with it.
Three-valued: where there are none, or they could not be run, that did not run. Running them is steps/new_tests."""

import re
from dataclasses import dataclass

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.kept_tests import is_test_file
from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot
from oneshot_dagster.domain.test_results import SuiteResult, overall

# Folders of tests anywhere, and at the root those whose names mean something else further down.
_OF_TESTS = re.compile(r"(?:^|/)(?:tests?|__tests__|specs?|testdata)/|^(?:e2e|integration|fixtures)/")
_PLAIN_FILE = "100"  # how the modes of regular files begin
_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """`detail` is a clause for people. `mendable`: whoever made the change could do something about it."""

    verdict: Verdict
    detail: str
    mendable: bool = False


def belongs_to_tests(path: str) -> bool:
    """A test by its own name, or anything in a folder of tests, which tests may read."""
    return is_test_file(path.rpartition("/")[2]) or _OF_TESTS.search(path) is not None


def changed_tests(snapshot: Snapshot) -> tuple[FileChange, ...]:
    """The new and changed test files."""
    return tuple(f for f in laid_over(snapshot) if is_test_file(f.path))


def laid_over(snapshot: Snapshot) -> tuple[FileChange, ...]:
    """What is put over the base to see its tests fail: regular files of tests, and what lies beside them."""
    return tuple(
        file
        for file in snapshot.files
        if file.status is not FileStatus.DELETED
        and file.new_mode.startswith(_PLAIN_FILE)
        and belongs_to_tests(file.path)
    )


def nothing_to_run(snapshot: Snapshot, *, has_commands: bool, head: Verdict | None) -> Proof | None:
    """Why no test has to be run to know; None where they have to be. `head` is the verdict of the local tests at the head."""
    if not changed_tests(snapshot):
        return _did_not_run("no test is new or changed", mendable=True)
    if all(belongs_to_tests(file.path) for file in snapshot.files):
        return _did_not_run("nothing but tests changed, so there is nothing for them to fail without")
    if not has_commands:
        return _did_not_run("the policy names no test command")
    if head is not Verdict.PASSED:
        return _did_not_run("the local tests did not pass at the head")
    return None


def proof(snapshot: Snapshot, *, base: tuple[SuiteResult, ...], laid: tuple[SuiteResult, ...]) -> Proof:
    """`base`: the suites on the base alone; `laid`: with the change's tests put over it. At the head they passed."""
    names = _some(tuple(file.path for file in changed_tests(snapshot)))
    if any(result.verdict is Verdict.FAILED and result.exit_code is None for result in (*base, *laid)):
        return _did_not_run("on the base the tests ran into their time limit")
    match overall(laid):
        case Verdict.PASSED:
            return Proof(
                verdict=Verdict.FAILED, detail=f"without the change the tests pass as well: {names}", mendable=True
            )
        case Verdict.DID_NOT_RUN:
            return _did_not_run(f"on the base they did not run: {_reasons(laid)}")
        case Verdict.FAILED:
            pass
    if overall(base) is Verdict.FAILED and not _failing(laid) - _failing(base):
        return _did_not_run(f"the base fails by itself: {_reasons(base)}")
    return Proof(verdict=Verdict.PASSED, detail=f"without the change they fail ({_reasons(laid)}): {names}")


def _did_not_run(detail: str, *, mendable: bool = False) -> Proof:
    return Proof(verdict=Verdict.DID_NOT_RUN, detail=detail, mendable=mendable)


def _failing(results: tuple[SuiteResult, ...]) -> frozenset[tuple[str, str]]:
    """By suite and case; a suite without a report cannot tell which."""
    return frozenset((r.suite, case.name) for r in results for case in r.cases if case.outcome in {"failed", "error"})


def _reasons(results: tuple[SuiteResult, ...]) -> str:
    said = (r.reason for r in results if r.verdict is not Verdict.PASSED and r.reason)
    return "; ".join(dict.fromkeys(said))[:300] or "no reason given"


def _some(items: tuple[str, ...]) -> str:
    return ", ".join(items[:_SHOWN]) + (f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else "")
