"""The prompt that asks an agent for a patch: its parts, each fenced, labelled and cut to its share of a budget.
The words around them are texts/agent_prompt.md, or the policy's own; reading either, and the parts, is steps/prompting."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from oneshot_dagster.domain.patch import Failure
from oneshot_dagster.domain.quoting import cleaned, cut, cut_head, fenced
from oneshot_dagster.domain.threads import AskedThread


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A comment on the issue, or an answer, by someone with write access."""

    author: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Guidance:
    """A file of the repository, at the base, that says how to work in it."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptParts:
    """What is known when an attempt starts. All of it but `repository`, `key` and `attempt` is treated as written by others.

    `failures`, `deployed_failures`, `reviews`, `threads` and `missing` are what is left of the attempt before.
    """

    repository: str
    key: str
    attempt: int
    issue_title: str
    issue_body: str
    instructions: str = ""
    answers: tuple[Said, ...] = ()
    comments: tuple[Said, ...] = ()
    guidance: tuple[Guidance, ...] = ()
    commands: tuple[str, ...] = ()
    memories: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    deployed_failures: tuple[Failure, ...] = ()
    reviews: tuple[Said, ...] = ()
    threads: tuple[AskedThread, ...] = ()
    missing: tuple[str, ...] = ()
    next_prompt: str | None = None


# Parts in the order in which what others leave over goes to them, and the share of the budget that is theirs first.
_SHARES: dict[str, float] = {
    "issue": 0.25,
    "failures": 0.2,
    "deployed_failures": 0.1,
    "reviews": 0.05,
    "threads": 0.1,
    "missing": 0.05,
    "next_prompt": 0.05,
    "instructions": 0.05,
    "answers": 0.03,
    "comments": 0.05,
    "guidance": 0.03,
    "commands": 0.02,
    "memories": 0.02,
}
_LOGS = frozenset({"failures", "deployed_failures"})  # their end says what went wrong
_OVERHEAD = 50  # characters that the fences of one entry take at most, beside its label
_NOTE = 60  # what a part may say about entries left out
_SECTION = re.compile(r"^(?=## )", re.MULTILINE)
_PLACE = re.compile(r"\$([a-z_]+)")


def whole_template(own: str, standard: str) -> str:
    """The policy's own template, and after it the standard's sections that it neither places nor names by their heading:
    the rules, and evidence of the last attempt, are left out by nobody's oversight."""
    placed, headings = set(_PLACE.findall(own)), set(_headings(own))
    added = [
        section
        for section in _SECTION.split(standard)[1:]
        if section.split("\n", 1)[0] not in headings and not placed & set(_PLACE.findall(section))
    ]
    return f"{own.rstrip()}\n\n{''.join(added)}"


def _headings(template: str) -> list[str]:
    return [section.split("\n", 1)[0].rstrip() for section in _SECTION.split(template)]


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
        "commands": "\n".join(parts.commands),
        "missing": "\n".join(f"- {' '.join(item.split())}" for item in parts.missing),
    }
    entries: dict[str, _Entries] = {name: [(name, text)] for name, text in single.items()}
    entries["next_prompt"] = [("why", parts.next_prompt or "")]
    entries["answers"] = [(f"answer of {said.author}", said.text) for said in parts.answers]
    entries["comments"] = [(f"comment by {said.author}", said.text) for said in parts.comments]
    entries["reviews"] = [(f"review by {said.author}", said.text) for said in parts.reviews]
    entries["guidance"] = [(file.path, file.text) for file in parts.guidance]
    entries["memories"] = [("memory", memory) for memory in parts.memories]
    entries["failures"] = [(f"failed: {failure.name}", failure.log or "(no log)") for failure in parts.failures]
    entries["deployed_failures"] = [
        (f"failed after the deployment: {failure.name}", failure.log or "(no log)")
        for failure in parts.deployed_failures
    ]
    entries["threads"] = [
        (f"thread {number} on {thread.place}", thread.text) for number, thread in enumerate(parts.threads, 1)
    ]
    return {
        name: [
            (_label(label), text)
            for label, text in ((label, cleaned(text).strip("\n")) for label, text in found)
            if text.strip()
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
    shorten = cut_head if name in _LOGS else cut
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
