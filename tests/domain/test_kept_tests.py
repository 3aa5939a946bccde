"""Claims about edits of tests: what counts as taken away, and when the issue asks for it."""

import pytest
from changed_files import changed, snapshot

from oneshot_dagster.domain.kept_tests import asks_to_remove_tests, edits_of_tests, is_test_file
from oneshot_dagster.domain.snapshot import FileChange, FileStatus


def hunk(*lines: str) -> str:
    return "@@ -1,9 +1,9 @@\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "path",
    [
        "tests/a.py", "a/test/b.go", "test_a.py", "src/test_a.py", "a_test.go", "a.test.ts", "a.spec.js",
        "__tests__/a.jsx", "spec/a_spec.rb", "src/FooTest.java", "tests/conftest.py", "integration/check.py",
    ],
)  # fmt: skip
def test_a_test_file_is_known_by_its_path(path: str) -> None:
    assert is_test_file(path)


@pytest.mark.parametrize("path", ["src/a.py", "tests/data/a.json", "latest.py", "contest.py", "docs/tests.md"])
def test_other_files_are_no_tests(path: str) -> None:
    assert not is_test_file(path)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("tests/test_a.py", "@pytest.mark.skip(reason='flaky')"),
        ("tests/test_a.py", "pytestmark = pytest.mark.skipif(True)"),
        ("tests/test_a.py", "    @unittest.skip('x')"),
        ("tests/test_a.py", "        self.skipTest('later')"),
        ("tests/conftest.py", "collect_ignore = ['test_a.py']"),
        ("a.test.ts", "it.skip('adds', () => {"),
        ("a.test.ts", "describe.only('adds', () => {"),
        ("a.test.ts", "xit('adds', () => {"),
        ("a_test.go", '\tt.Skip("later")'),
        ("src/FooTest.java", "    @Disabled"),
    ],
)
def test_an_added_skip_is_seen(path: str, line: str) -> None:
    assert edits_of_tests(snapshot(changed(path, patch=hunk("+" + line)))).removed


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("tests/test_a.py", "def test_price():"),
        ("tests/test_a.py", "    async def test_price(self):"),
        ("a_test.go", "func TestPrice(t *testing.T) {"),
        ("a.test.ts", "  it('adds', () => {"),
        ("tests/a.rs", "    #[test]"),
        ("src/FooTest.java", "    @Test"),
    ],
)
def test_a_removed_test_is_seen(path: str, line: str) -> None:
    assert edits_of_tests(snapshot(changed(path, patch=hunk("-" + line)))).removed


def test_a_test_commented_out_is_removed() -> None:
    assert edits_of_tests(snapshot(changed("test_a.py", patch=hunk("-def test_a():", "+# def test_a():")))).removed


@pytest.mark.parametrize(
    "file",
    [
        changed("tests/test_a.py", status=FileStatus.DELETED),
        changed("old/a.py", status=FileStatus.RENAMED, old="tests/test_a.py", patch=None, deletions=0),
    ],
)
def test_a_test_file_that_is_gone_is_seen(file: FileChange) -> None:
    assert edits_of_tests(snapshot(file)).removed == ("the test file tests/test_a.py is gone",)


@pytest.mark.parametrize(
    "files",
    [
        [changed("tests/test_a.py", patch=hunk("-def test_a():", "+def test_a(client):"))],
        [
            changed("tests/test_a.py", patch=hunk("-def test_a():")),
            changed("tests/test_b.py", status=FileStatus.ADDED, patch=hunk("+def test_a():")),
        ],
        [changed("tests/test_b.py", status=FileStatus.RENAMED, old="tests/test_a.py", patch=None, deletions=0)],
        [changed("src/a.rs", patch=hunk("+    items.iter().skip(3)"))],
        [changed("src/a.py", status=FileStatus.DELETED)],
        [changed("tests/test_a.py", patch="--- a/x\n+++ b/x\n" + hunk("-    assert f() == 1", "+    assert f() == 2"))],
    ],
)
def test_an_honest_edit_takes_nothing_away(files: list[FileChange]) -> None:
    edits = edits_of_tests(snapshot(*files))
    assert (edits.removed, edits.unread) == ((), ())


def test_a_test_file_without_its_patch_is_not_called_kept() -> None:
    assert edits_of_tests(snapshot(changed("tests/test_a.py", patch=None))).unread == ("tests/test_a.py",)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Remove the obsolete tests of the old API.", True),
        ("The test for v1 should be deleted.", True),
        ("Please skip the flaky test on Windows", True),
        ("Do not delete any tests.", False),
        ("Fix it without skipping tests", False),
        ("Don't skip tests", False),
        ("Remove the price cache. Add tests.", False),
        ("Add a discount and test it", False),
    ],
)
def test_what_the_issue_asks(text: str, asks: bool) -> None:
    assert asks_to_remove_tests(text) is asks
