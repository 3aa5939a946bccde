"""Claims about the fingerprint of failures, and patches that undo the last one."""

import pytest
from changed_files import BASE, changed, snapshot

from oneshot_dagster.domain.patch import Failure, normalised_fingerprint, undoes
from oneshot_dagster.domain.snapshot import FileStatus, Snapshot


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FAILED in 0.12s", "FAILED in 13.5s"),
        ("at 2026-01-02T10:11:12.345Z: no", "at 2025-12-31T23:59:59Z: no"),
        ("/tmp/x1/repo/tests/test_a.py:12: AssertionError", "/home/y/tests/test_a.py:99: AssertionError"),
        ("commit 3f2a9bc failed", "commit 9d1e77a0b1 failed"),
        ("expected 90 got 91", "expected 1,000 got 17.5"),
        ("\x1b[31mFAILED\x1b[0m  x\n\n", "failed x"),
        ("==== short ====", "======== short ========"),
    ],
)
def test_the_same_failure_has_one_fingerprint(one: str, other: str) -> None:
    assert normalised_fingerprint([Failure(name="ci", log=one)]) == normalised_fingerprint(
        [Failure(name="ci", log=other)]
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Failure(name="ci", log="AssertionError"), Failure(name="ci", log="ImportError")),
        (Failure(name="ci", log="x"), Failure(name="lint", log="x")),
        (Failure(name="ci", log="/a/test_a.py"), Failure(name="ci", log="/a/test_b.py")),
    ],
)
def test_another_failure_has_another_fingerprint(one: Failure, other: Failure) -> None:
    assert normalised_fingerprint([one]) != normalised_fingerprint([other])


def test_the_order_of_failures_does_not_matter_and_none_has_no_fingerprint() -> None:
    one, other = Failure(name="a", log="x"), Failure(name="b", log="y")
    assert normalised_fingerprint([one, other]) == normalised_fingerprint([other, one, one])
    assert normalised_fingerprint([]) == ""


ZERO, ONE, TWO = "0" * 40, "1" * 40, "2" * 40
FORTH = snapshot(
    changed("a", blobs=(ONE, TWO)),
    changed("new", status=FileStatus.ADDED, blobs=(ZERO, ONE)),
    changed("d", status=FileStatus.RENAMED, old="c", blobs=(ONE, ONE)),
)
BACK = Snapshot(
    base_sha=FORTH.head_sha,
    head_sha="c" * 40,
    files=(
        changed("a", blobs=(TWO, ONE)),
        changed("new", status=FileStatus.DELETED, blobs=(ONE, ZERO)),
        changed("c", status=FileStatus.RENAMED, old="d", blobs=(ONE, ONE)),
    ),
)


def test_a_patch_laid_on_top_that_turns_each_file_back_undoes() -> None:
    assert undoes(FORTH, BACK)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_patch_that_leaves_something_of_the_last_one_does_not_undo(missing: int) -> None:
    kept = tuple(file for n, file in enumerate(BACK.files) if n != missing)
    assert not undoes(FORTH, Snapshot(base_sha=BACK.base_sha, head_sha=BACK.head_sha, files=kept))


def test_made_anew_from_the_same_base_only_nothing_undoes() -> None:
    assert undoes(FORTH, Snapshot(base_sha=BASE, head_sha=BASE, files=()))
    assert not undoes(FORTH, snapshot(changed("a", blobs=(ONE, "3" * 40))))


def test_nothing_cannot_be_undone() -> None:
    assert not undoes(snapshot(), BACK)
