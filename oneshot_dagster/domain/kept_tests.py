"""Whether a change keeps the tests that were there: heuristics over its files and patches.
A careful eye could be fooled by a patch; these rules only make the easy ways visible."""

import re
from collections import Counter
from dataclasses import dataclass

from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot

_CODE = (
    r"\.(?:py|pyi|js|jsx|mjs|cjs|ts|tsx|go|rb|java|kt|kts|scala|rs|php|cs|c|cc|cpp|h|hpp|swift|sh|bats|ex|exs|feature)$"
)
_TEST_FILE = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|e2e|integration)/(?:.*/)?[^/]+" + _CODE
    + r"|(?:^|/)(?:test_[^/]*|[^/]*_(?:test|spec)|[^/]*[.-](?:test|spec|cy)|conftest|[^/]*(?:Test|Tests|Spec))" + _CODE
)  # fmt: skip
_TEST = re.compile(
    r"\s*(?:async\s+)?def\s+test|func\s+Test\w*\(|\s*(?:it|test)(?:\.each\b.*)?\s*\(|\s*(?:it|test|scenario)\s+[\"']"
    r"|\s*@(?:Test|ParameterizedTest)\b|\s*\[(?:Fact|Theory|Test|TestMethod)\b|\s*#\[(?:\w+::)?test\b|\s*Scenario:"
)
_SKIP = re.compile(
    r"pytest\.mark\.(?:skip|xfail)|pytest\.(?:skip|xfail|importorskip)\(|unittest\.(?:skip|expectedFailure)"
    r"|@(?:skip|skipIf|skipUnless|expectedFailure)\b|\.skipTest\(|\braise\s+(?:unittest\.)?SkipTest|collect_ignore"
    r"|__test__\s*=\s*False|\.(?:skip|only|todo|fixme)\(|\b(?:xit|xtest|xdescribe|fit|fdescribe)\(|\bt\.Skip"
    r"|@(?:Disabled|Ignore)\b|#\[ignore|\[Ignore|Skip\s*=\s*\""
)
_ACT = r"(?:remov|delet|drop|skip|disabl|retir|xfail|get(?:ting)?\s+rid)\w*"
_ASKS = re.compile(rf"\b{_ACT}\b[^.!?\n]{{0,60}}\btests?\b|\btests?\b[^.!?\n]{{0,60}}\b{_ACT}\b", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:not|never|no|without|cannot|nor|avoid)\b|n['’]t\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class EditsOfTests:
    """What was done to tests, each a clause for people; `unread` names test files whose patch is not at hand."""

    removed: tuple[str, ...]
    unread: tuple[str, ...]


def is_test_file(path: str) -> bool:
    return _TEST_FILE.search(path) is not None


def asks_to_remove_tests(issue_text: str) -> bool:
    """Whether a sentence of the issue speaks of removing or skipping tests without denying it."""
    sentences = re.split(r"[.!?\n]+", issue_text)
    return any(_ASKS.search(sentence) and not _NEGATED.search(sentence) for sentence in sentences)


def edits_of_tests(snapshot: Snapshot) -> EditsOfTests:
    """Single tests are counted over the whole change, so that a test may move from file to file."""
    files = [f for f in snapshot.files if is_test_file(f.path) or is_test_file(_old_path(f))]
    removed = [f"the test file {_old_path(f)} is gone" for f in files if _is_gone(f)]
    balance: Counter[str] = Counter()
    for file in files:
        balance.update(_balance(file))
    if balance["tests"] < 0:
        removed.append(f"{-balance['tests']} more test(s) are taken away than added")
    if balance["skips"] > 0:
        removed.append(f"{balance['skips']} mark(s) that skip tests are added")
    return EditsOfTests(removed=tuple(removed), unread=tuple(f.path for f in files if _is_unread(f)))


def _old_path(file: FileChange) -> str:
    return file.old_path_bytes.decode(errors="backslashreplace") if file.old_path_bytes is not None else file.path


def _is_gone(file: FileChange) -> bool:
    """Deleted, or renamed to where no runner would take it for a test."""
    if file.status is FileStatus.RENAMED:
        return is_test_file(_old_path(file)) and not is_test_file(file.path)
    return file.status is FileStatus.DELETED


def _is_unread(file: FileChange) -> bool:
    return file.status is not FileStatus.ADDED and not _is_gone(file) and file.patch is None and file.deletions != 0


def _balance(file: FileChange) -> Counter[str]:
    """Added minus removed, of tests and of marks that skip them."""
    balance: Counter[str] = Counter(tests=0, skips=0)
    for sign, line in hunk_lines(file.patch or ""):
        step = 1 if sign == "+" else -1
        balance["tests"] += step if _TEST.match(line) else 0
        balance["skips"] += step if _SKIP.search(line) else 0
    return balance


def hunk_lines(patch: str) -> list[tuple[str, str]]:
    """The added and removed lines of a unified diff, without its headers."""
    lines: list[tuple[str, str]] = []
    in_hunk = False
    for line in patch.split("\n"):
        if line.startswith("@@"):
            in_hunk = True
        elif line.startswith("diff --git "):
            in_hunk = False
        elif in_hunk and line[:1] in {"+", "-"}:
            lines.append((line[0], line[1:]))
    return lines
