"""The patch: the prompt that asks for it, and whether an attempt walks in circles (the same failures, its own undoing).
The prompt's words are texts/agent_prompt.md, read by the caller."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from oneshot_dagster.domain.quoting import cleaned, cut, cut_head, fenced
from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A comment on the issue by someone with write access."""

    author: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A check or suite that failed, by its name, and the end of its log."""

    name: str
    log: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptParts:
    """What is known when an attempt starts. All of it but `repository`, `key` and `attempt` is treated as written by others."""

    repository: str
    key: str
    attempt: int
    issue_title: str
    issue_body: str
    instructions: str = ""
    answer: str = ""
    comments: tuple[Said, ...] = ()
    guidance: str = ""
    commands: tuple[str, ...] = ()
    memories: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    next_prompt: str | None = None


# Parts in the order in which what others leave over goes to them, and the share of the budget that is theirs first.
_SHARES: dict[str, float] = {
    "issue": 0.35,
    "failures": 0.25,
    "next_prompt": 0.1,
    "instructions": 0.05,
    "answer": 0.05,
    "comments": 0.1,
    "guidance": 0.05,
    "commands": 0.02,
    "memories": 0.03,
}
_OVERHEAD = 50  # characters that the fences of one entry take at most, beside its label
_NOTE = 60  # what a part may say about entries left out
_SECTION = re.compile(r"^(?=## )", re.MULTILINE)
_PLACE = re.compile(r"\$([a-z_]+)")


def render_prompt(template: str, parts: PromptParts, budget_chars: int) -> str:
    """A section of the template whose part is empty is left out; parts are cut, and say so, to keep the budget.
    A `$word` that is no part stays as it is.

    The budget is kept wherever it holds the template itself; a smaller one gives parts without a word of others.
    """
    known = {"repository": parts.repository, "key": parts.key, "attempt": str(parts.attempt)}
    texts = _texts(parts)
    used = [name for name in _SHARES if texts[name]]
    room = max(0, budget_chars - len(template) - _NOTE * len(used))
    limits = _limits({name: _length(texts[name]) for name in used}, room)
    shown = {name: _part(name, texts[name], limits.get(name, 0)) for name in _SHARES}
    sections = [
        Template(section).safe_substitute(known | shown)
        for section in _SECTION.split(template)
        if _is_wanted(section, shown)
    ]
    return "".join(sections).rstrip() + "\n"


def _is_wanted(section: str, shown: Mapping[str, str]) -> bool:
    places = [name for name in _PLACE.findall(section) if name in shown]
    return not places or any(shown[name] for name in places)


_Entries = list[tuple[str, str]]  # label and text


def _texts(parts: PromptParts) -> dict[str, _Entries]:
    single = {
        "issue": f"{parts.issue_title}\n\n{parts.issue_body}".strip(),
        "instructions": parts.instructions,
        "answer": parts.answer,
        "guidance": parts.guidance,
        "commands": "\n".join(parts.commands),
        "next_prompt": parts.next_prompt or "",
    }
    entries: dict[str, _Entries] = {name: [(name, text)] for name, text in single.items()}
    entries["comments"] = [(f"comment by {said.author}", said.text) for said in parts.comments]
    entries["memories"] = [("memory", memory) for memory in parts.memories]
    entries["failures"] = [(f"failed: {failure.name}", failure.log or "(no log)") for failure in parts.failures]
    return {
        name: [
            (_label(label), text) for label, text in ((label, cleaned(text)) for label, text in found) if text.strip()
        ]
        for name, found in entries.items()
    }


def _label(text: str) -> str:
    """On one line and without backticks: it stands beside the fence."""
    return re.sub(r"[`\s]+", " ", cleaned(text)).strip()[:100]


def _length(entries: _Entries) -> int:
    return sum(len(text) + len(label) + _OVERHEAD for label, text in entries)


def _limits(lengths: Mapping[str, int], room: int) -> dict[str, int]:
    """Each part its share or its length; what is left over then goes down the list."""
    limits = {name: min(length, int(room * _SHARES[name])) for name, length in lengths.items()}
    left = room - sum(limits.values())
    for name, length in lengths.items():
        more = min(left, length - limits[name])
        limits[name] += more
        left -= more
    return limits


def _part(name: str, entries: _Entries, limit: int) -> str:
    """Entries share the limit fairly; those that then have no room are only counted."""
    shorten = cut_head if name == "failures" else cut
    overheads = [len(label) + _OVERHEAD for label, _ in entries]
    room = limit - sum(overheads)
    fair = _fair([len(text) for _, text in entries], room)
    shown = [
        fenced(kept, label) for (label, text), most in zip(entries, fair, strict=True) if (kept := shorten(text, most))
    ]
    if len(shown) < len(entries):
        shown.append(f"[left out for want of room: {len(entries) - len(shown)}]")
    return "\n\n".join(shown)


def _fair(lengths: Sequence[int], room: int) -> list[int]:
    """Shares of the room: the short ones whole, the long ones alike."""
    shares = [0] * len(lengths)
    left = max(0, room)
    for place, index in enumerate(sorted(range(len(lengths)), key=lambda index: lengths[index])):
        shares[index] = min(lengths[index], left // (len(lengths) - place))
        left -= shares[index]
    return shares


_NOISE = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[t ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"(?<![\w.])(?:[a-z]:)?(?:[/\\][^\s/\\:'\"`,;()]+)+[/\\](?=[^\s/\\])"), ""),  # /a/b/c.py is c.py
    (re.compile(r"\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b"), "<id>"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "<n>"),
    (re.compile(r"<n>\s?(?:ms|s|sec|seconds?|m|min|minutes?)\b"), "<time>"),
    (re.compile(r"[=\-_*.~]{4,}"), ""),
    (re.compile(r"\s+"), " "),
)


def normalised_fingerprint(failures: Sequence[Failure]) -> str:
    """The same for the same failures, whatever the time, the folder, the numbers and the order; "" for none."""
    if not failures:
        return ""
    lines = sorted({f"{failure.name}\n{_normalised(failure.log)}" for failure in failures})
    return hashlib.sha256("\0".join(lines).encode(errors="replace")).hexdigest()


def _normalised(log: str) -> str:
    return "\n".join(line for line in (_normalised_line(line) for line in cleaned(log).lower().splitlines()) if line)


def _normalised_line(line: str) -> str:
    for noise, word in _NOISE:
        line = noise.sub(word, line)
    return line.strip()


def undoes(previous: Snapshot, present: Snapshot) -> bool:
    """Whether the present patch takes the previous one back: laid on top of it, file by file the other way round,
    or made anew from the same base with nothing left of it."""
    if not previous.files:
        return False
    if present.base_sha == previous.base_sha:
        return not present.files
    before = {move for file in previous.files for move in _moves(file)}
    after = {move for file in present.files for move in _moves(file)}
    return {(path, new, old) for path, old, new in before} <= after


_Stand = tuple[str, str] | None  # mode and blob; None where there is no file
_Move = tuple[bytes, _Stand, _Stand]


def _moves(file: FileChange) -> list[_Move]:
    old, new = (file.old_mode, file.old_blob), (file.new_mode, file.new_blob)
    if file.status is FileStatus.RENAMED and file.old_path_bytes is not None:
        return [(file.old_path_bytes, old, None), (file.path_bytes, None, new)]
    has_old = file.status not in {FileStatus.ADDED, FileStatus.COPIED}
    return [(file.path_bytes, old if has_old else None, new if file.status is not FileStatus.DELETED else None)]
