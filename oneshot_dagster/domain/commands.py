"""People's commands in comments: `/oneshot stop` and the like, at the start of a line that is not quoted and not code.
Who may say them is asked live; what follows from them is requests.py."""

import re
from dataclasses import dataclass

KINDS = ("stop", "retry", "hold", "resume", "approve", "answer", "rollback")
_TRUSTED = frozenset({"admin", "maintain", "write"})
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_COMMAND = re.compile(r" {0,3}/oneshot(?:[ \t]+(\S+)[ \t]*(.*))?[ \t]*")
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SHA = re.compile(r"[0-9a-f]{7,40}")
_BASE = re.compile(r"base=(?!.*(?:\.\.|//))([A-Za-z0-9_][A-Za-z0-9_./+-]{0,199})(?<![/.])")
_MOST = 10
_LONGEST = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """`text` is the answer's text (it may go on over further lines), the SHA of an approval, else empty."""

    kind: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """A lone `/oneshot`, or `/oneshot base=BRANCH`: the trigger of a change."""

    base: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotUnderstood:
    """`/oneshot` with something after it that is no command; `problem` is a sentence for its author."""

    problem: str


def may_command(permission: str) -> bool:
    """By the permission on the repository, read live; a word that we do not know is no permission."""
    return permission in _TRUSTED


def parse_commands(body: str) -> tuple[Command | Start | NotUnderstood, ...]:
    """In the order of the comment."""
    found: list[Command | Start | NotUnderstood] = []
    answer: list[str] | None = None
    for line, is_own in _lines(body[:_LONGEST]):
        match = _COMMAND.fullmatch(line) if is_own else None
        if match is None:
            if answer is not None:
                answer.append(line)
            continue
        if answer is not None:
            found.append(_answer(answer))
            answer = None
        word, rest = match[1] or "", (match[2] or "").strip()
        if word.lower() == "answer":
            answer = [rest]
        else:
            found.append(_command(word, rest) if word else Start())
    if answer is not None:
        found.append(_answer(answer))
    return tuple(found[:_MOST])


def _lines(body: str) -> list[tuple[str, bool]]:
    """Each line, and whether its author wrote it as text: not in a fence, indented as code or quoted. No hidden comments."""
    lines: list[tuple[str, bool]] = []
    fence = ""
    for line in _HIDDEN.sub("", body.replace("\r\n", "\n").replace("\r", "\n")).split("\n"):
        marks = _FENCE.fullmatch(line)
        is_own = False
        if fence:
            if marks and marks[1].startswith(fence) and not marks[2].strip():
                fence = ""
        elif marks and not (marks[1][0] == "`" and "`" in marks[2]):
            fence = marks[1]
        else:
            is_own = not line.lstrip(" ").startswith(">") and not line.startswith(("    ", "\t"))
        lines.append((line, is_own))
    return lines


def _command(written: str, rest: str) -> Command | Start | NotUnderstood:
    base = _BASE.fullmatch(written)
    if base is not None and not rest:
        return Start(base=base[1])
    word = written.lower()
    if word not in KINDS:
        return NotUnderstood(problem=f"`{_shown(word)}` is no command; there are {', '.join(KINDS)}")
    if word == "approve":
        if rest and not _SHA.fullmatch(rest):
            return NotUnderstood(problem="`approve` takes a commit's SHA or nothing")
        return Command(kind=word, text=rest)
    if rest:
        return NotUnderstood(problem=f"`{word}` takes nothing after it")
    return Command(kind=word, text="")


def _answer(lines: list[str]) -> Command | NotUnderstood:
    text = "\n".join(lines).strip()
    return Command(kind="answer", text=text) if text else NotUnderstood(problem="`answer` needs a text after it")


def _shown(word: str) -> str:
    return re.sub(r"[^\w=./-]", "?", word)[:40]
