"""Reads the patches of `git diff`, piece by piece while git is printing them, and gives each listed file its own."""

from collections.abc import Iterator, Sequence

from oneshot_dagster.domain.git_diff import Counts, Listed, NotGitOutput, change
from oneshot_dagster.domain.snapshot import FileChange, FileStatus

PATCH_LIMIT = 512 * 1024  # bytes of one file's patch that are kept inline
_BEGIN = b"diff --git "
_NEXT = b"\n" + _BEGIN
_SPLIT = len(_NEXT) - 1  # bytes at the end of a piece that may be the beginning of _NEXT

_Sections = tuple[bytes, ...]


class PatchReader:
    """Reads `git diff -U3 -M --full-index` over the same two commits as the list.

    Every line of a file's content has a prefix, so `diff --git` at the start of a line begins a section, and git keeps
    the order of the list; a changed type has two sections. The prefixes also tell how many lines were added and deleted.
    """

    def __init__(self, listed: Sequence[Listed]) -> None:
        self.listed = listed
        self._open: list[bytes] = []
        self._tail = b""
        self._half: _Sections = ()
        self._read: list[FileChange | _Sections] = []  # the sections of a file that do not tell its counts
        self._given = 0  # of those read

    def add(self, piece: bytes) -> Iterator[FileChange]:
        """The files that are now known, after those before them."""
        *ended, rest = (self._tail + piece).split(_NEXT)
        for section in ended:
            self._take(b"".join((*self._open, section, b"\n")))
            self._open = [_BEGIN]
        self._open.append(rest[:-_SPLIT])
        self._tail = rest[-_SPLIT:]
        return self._known()

    def end(self, *, truncated: bool) -> Iterator[FileChange]:
        """Nothing more comes; `truncated`: although git had more."""
        last = b"".join((*self._open, self._tail))
        if last and not truncated:
            self._take(last if last.endswith(b"\n") else last + b"\n")
        if len(self._read) < len(self.listed) and not truncated:
            raise NotGitOutput(f"git printed no patch for {self.listed[len(self._read)].path}")
        return self._known()

    @property
    def told_counts(self) -> bool:
        """Whether every file is known without git's own counts."""
        return self._given == len(self.listed)

    def rest(self, counts: Sequence[Counts]) -> Iterator[FileChange]:
        """The files that were not known without `counts`, and those behind them."""
        for number in range(self._given, len(self.listed)):
            if number >= len(self._read):
                yield change(self.listed[number], counts[number], omitted="the whole patch is too large")
            elif isinstance(read := self._read[number], FileChange):
                yield read
            else:
                yield _patched(self.listed[number], read, counts[number])

    def _known(self) -> Iterator[FileChange]:
        begin = self._given
        while self._given < len(self._read) and isinstance(self._read[self._given], FileChange):
            self._given += 1
        return (read for read in self._read[begin : self._given] if isinstance(read, FileChange))

    def _take(self, section: bytes) -> None:
        if not section.startswith(_BEGIN):
            raise NotGitOutput("a patch does not begin with 'diff --git'")
        if len(self._read) == len(self.listed):
            raise NotGitOutput("git printed patches for more files than it listed")
        entry = self.listed[len(self._read)]
        if entry.status is not FileStatus.TYPE_CHANGED:
            self._read.append(_single(entry, section))
        elif not self._half:
            self._half = (section,)
        else:
            self._read.append(_double(entry, (*self._half, section)))
            self._half = ()


def _single(entry: Listed, section: bytes) -> FileChange | _Sections:
    hunks = _end_of_head(section)
    if entry.old_blob != entry.new_blob:
        _check_blobs(entry, section, hunks, entry.old_blob, entry.new_blob)
    if _names_only(section, hunks):
        return (section,)
    return _patched(entry, (section,), (section.count(b"\n+", hunks), section.count(b"\n-", hunks)))


def _double(entry: Listed, sections: _Sections) -> _Sections:
    """Git prints all lines of both sides, and counts only those that differ."""
    nothing = "0" * len(entry.old_blob)
    for section, old, new in zip(sections, (entry.old_blob, nothing), (nothing, entry.new_blob), strict=True):
        _check_blobs(entry, section, _end_of_head(section), old, new)
    return sections


def _check_blobs(entry: Listed, section: bytes, hunks: int, old: str, new: str) -> None:
    """Each section names the blobs it is between, so that no file can get another one's patch."""
    if section.find(f"\nindex {old}..{new}".encode(), 0, hunks) < 0:
        raise NotGitOutput(f"a patch is not that of {entry.path}")


def _patched(entry: Listed, sections: _Sections, counts: Counts) -> FileChange:
    if counts[0] is None:
        return change(entry, counts, omitted="binary")
    if any(_names_only(section, _end_of_head(section)) for section in sections):
        return change(entry, counts, omitted="the file is too large")
    content = sections[0] if len(sections) == 1 else b"".join(sections)
    if len(content) > PATCH_LIMIT:
        return change(entry, counts, omitted=f"the patch is larger than {PATCH_LIMIT // 1024} KiB")
    if b"\0" in content:
        return change(entry, counts, omitted="holds NUL")
    try:
        return change(entry, counts, patch=content.decode("utf-8"))
    except UnicodeDecodeError:
        return change(entry, counts, omitted="not UTF-8")


def _end_of_head(section: bytes) -> int:
    """Where its first hunk begins."""
    found = section.find(b"\n@@ ")
    return found if found >= 0 else len(section)


def _names_only(section: bytes, hunks: int) -> bool:
    """Of a file that is binary or too large for a patch."""
    return hunks == len(section) and b"\nBinary files " in section
