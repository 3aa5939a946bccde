"""Claims about the tests of a change: they prove it where they fail without it and pass with it."""

import pytest
from changed_files import BASE, changed, snapshot

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.new_tests import belongs_to_tests, changed_tests, laid_over, nothing_to_run, proof
from oneshot_dagster.domain.snapshot import FileStatus
from oneshot_dagster.domain.test_results import CaseResult, SuiteResult

CHANGE = snapshot(changed("src/shop.py"), changed("tests/test_shop.py"), changed("tests/data/prices.json"))


def suite(verdict: Verdict, *failing: str, exit_code: int | None = 0, name: str = "tests") -> SuiteResult:
    cases = tuple(CaseResult(name=case, outcome="failed", seconds=0.0, message="") for case in failing)
    return SuiteResult(
        suite=name,
        command="make test",
        sha=BASE,
        verdict=verdict,
        reason="" if verdict is Verdict.PASSED else "why",
        exit_code=exit_code,
        seconds=0.1,
        cases=cases,
    )


PASSED, FAILED, NOT_RUN = suite(Verdict.PASSED), suite(Verdict.FAILED, exit_code=1), suite(Verdict.DID_NOT_RUN)
TIMED_OUT = suite(Verdict.FAILED, exit_code=None)


@pytest.mark.parametrize(
    ("path", "is_laid"),
    [
        ("tests/test_shop.py", True),
        ("tests/data/prices.json", True),
        ("src/test_shop.py", True),
        ("pkg/shop_test.go", True),
        ("pkg/testdata/a.txt", True),
        ("integration/deployed.py", True),
        ("src/integration/stripe.py", False),
        ("src/shop.py", False),
        ("src/contest/entry.py", False),
    ],
)
def test_what_is_of_the_tests_is_told_from_what_they_test(path, is_laid) -> None:
    assert belongs_to_tests(path) is is_laid
    assert bool(laid_over(snapshot(changed(path)))) is is_laid


def test_links_and_what_is_gone_are_not_laid_over_the_base() -> None:
    files = snapshot(
        changed("tests/test_a.py", mode="120000"),
        changed("tests/test_b.py", status=FileStatus.DELETED),
        changed("tests/sub", mode="160000"),
    )
    assert laid_over(files) == ()


def test_data_beside_tests_is_no_test() -> None:
    assert [file.path for file in changed_tests(CHANGE)] == ["tests/test_shop.py"]


@pytest.mark.parametrize(
    ("files", "has_commands", "head", "says", "mendable"),
    [
        (snapshot(changed("src/shop.py")), True, Verdict.PASSED, "no test is new", True),
        (snapshot(changed("tests/test_shop.py")), True, Verdict.PASSED, "nothing but tests", False),
        (CHANGE, False, None, "no test command", False),
        (CHANGE, True, Verdict.FAILED, "did not pass at the head", False),
        (CHANGE, True, None, "did not pass at the head", False),
    ],
)
def test_where_nothing_can_be_proven_it_did_not_run(files, has_commands, head, says, mendable) -> None:
    found = nothing_to_run(files, has_commands=has_commands, head=head)
    assert found is not None
    assert (found.verdict, found.mendable) == (Verdict.DID_NOT_RUN, mendable)
    assert says in found.detail


def test_tests_that_passed_at_the_head_are_run_without_the_change() -> None:
    assert nothing_to_run(CHANGE, has_commands=True, head=Verdict.PASSED) is None


@pytest.mark.parametrize(
    ("base", "laid", "verdict"),
    [
        (PASSED, FAILED, Verdict.PASSED),
        (NOT_RUN, FAILED, Verdict.PASSED),  # the first tests of a repository
        (suite(Verdict.FAILED, "old", exit_code=1), suite(Verdict.FAILED, "old", "new", exit_code=1), Verdict.PASSED),
        (PASSED, PASSED, Verdict.FAILED),
        (NOT_RUN, PASSED, Verdict.FAILED),
        (FAILED, PASSED, Verdict.FAILED),
        (FAILED, FAILED, Verdict.DID_NOT_RUN),
        (suite(Verdict.FAILED, "old", exit_code=1), suite(Verdict.FAILED, "old", exit_code=1), Verdict.DID_NOT_RUN),
        (PASSED, NOT_RUN, Verdict.DID_NOT_RUN),
        (PASSED, TIMED_OUT, Verdict.DID_NOT_RUN),
        (TIMED_OUT, FAILED, Verdict.DID_NOT_RUN),
    ],
)
def test_only_a_failure_that_the_change_cures_proves_it(base, laid, verdict) -> None:
    assert proof(CHANGE, base=(base,), laid=(laid,)).verdict is verdict
