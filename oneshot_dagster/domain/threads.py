"""Review threads that an attempt was asked to meet: what it says of each, whether the lines were changed, and our reply.
Writing the replies on GitHub is steps/answering; why a fact decides, and not the claim, is ADR 0007."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from oneshot_dagster.domain.quoting import cleaned, cut, fenced, neutral
from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot

NEAR = 3  # lines: what is asked at a line is often met just beside it
_LONGEST_CLAIM = 500
_CLAIM = re.compile(r"^[\s>*_-]*thread\s+(\d{1,4})\s*:[\s*_]*(.+)$", re.IGNORECASE | re.MULTILINE)
_REFUSED = re.compile(r"not\s+done\b", re.IGNORECASE)
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedThread:
    """An unresolved thread as the agent was shown it; `line` of the head that it then stood on, None for the whole file
    and where later commits changed what it was said of."""

    thread_id: str
    path: str | None
    line: int | None
    text: str

    @property
    def place(self) -> str:
        return f"{self.path or 'the whole change'}{f', line {self.line}' if self.line else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`met`: the thread is to be resolved. `body` is what people read under it."""

    thread_id: str
    met: bool
    body: str


def conversation(said: Sequence[tuple[str, str]]) -> str:
    """Author and words of each comment of a thread, in their order."""
    return "\n".join(f"{author}: {text}" for author, text in said)


def answers(
    asked: Sequence[AskedThread], said: Iterable[str], changed: Snapshot, *, attempt: int
) -> tuple[Answer, ...]:
    """`said` are the agent's messages, `changed` lies between the head that the threads stood on and the new one."""
    claims = _claims(said)
    return tuple(
        _answer(thread, claims.get(number), changed, attempt=attempt) for number, thread in enumerate(asked, 1)
    )


def _answer(thread: AskedThread, claim: str | None, changed: Snapshot, *, attempt: int) -> Answer:
    touched = is_touched(thread, changed)
    met = touched and not (claim and _REFUSED.match(claim))
    sha = changed.head_sha[:7]
    fact = f"changed what this is about, in {sha}" if touched else f"did not change what this is about (head {sha})"
    follows = "Resolved for that; reopen it where it is not what you asked for." if met else "It stays open."
    quoted = "" if claim is None else f"\n\nThe agent says:\n\n{fenced(neutral(claim), 'text')}"
    return Answer(thread_id=thread.thread_id, met=met, body=f"Attempt {attempt} {fact}. {follows}{quoted}")


def _claims(said: Iterable[str]) -> Mapping[int, str]:
    """The last word on each number."""
    found: dict[int, str] = {}
    for message in said:
        for number, text in _CLAIM.findall(cleaned(message)):
            found[int(number)] = cut(text.strip(), _LONGEST_CLAIM)
    return found


def is_touched(thread: AskedThread, changed: Snapshot) -> bool:
    """Whether the file was changed within a few lines of where the thread stood; any change, where it stood on no line."""
    file = next((f for f in changed.files if thread.path in {f.path, _old(f)}), None)
    if file is None:
        return False
    if file.status is FileStatus.DELETED or thread.line is None:
        return True
    return any(abs(line - thread.line) <= NEAR for line in _old_lines(file.patch or ""))


def _old(file: FileChange) -> str | None:
    return file.old_path_bytes.decode(errors="replace") if file.old_path_bytes is not None else None


def _old_lines(patch: str) -> Iterable[int]:
    """Lines of the old file that were taken away or beside which something was put in."""
    at = 0
    for line in patch.splitlines():
        hunk = _HUNK.match(line)
        if hunk:
            at = int(hunk[1])
        elif at and line.startswith("-"):
            yield at
            at += 1
        elif at and line.startswith("+"):
            yield at
        elif at and line.startswith(" "):
            at += 1
