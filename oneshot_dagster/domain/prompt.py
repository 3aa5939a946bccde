"""The prompt that asks an agent for a patch: its parts, each fenced, labelled and cut to its share of a budget.
The words around them are texts/agent_prompt.md, or the policy's own; reading either, and the parts, is steps/prompting."""

from dataclasses import dataclass

from oneshot_dagster.domain.fitting import Part, fit, places_of, sections_of
from oneshot_dagster.domain.patch import Failure
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


def whole_template(own: str, standard: str) -> str:
    """The policy's own template, and after it the standard's sections that it neither places nor names by their heading:
    the rules, and evidence of the last attempt, are left out by nobody's oversight."""
    placed, headings = places_of(own), set(_headings(own))
    added = [
        section
        for section in sections_of(standard)[1:]
        if section.split("\n", 1)[0] not in headings and not placed & places_of(section)
    ]
    return f"{own.rstrip()}\n\n{''.join(added)}"


def _headings(template: str) -> list[str]:
    return [section.split("\n", 1)[0].rstrip() for section in sections_of(template)]


def render_prompt(template: str, parts: PromptParts, budget_chars: int) -> str:
    known = {"repository": parts.repository, "key": parts.key, "attempt": str(parts.attempt)}
    entries = _entries(parts)
    shown = {
        name: Part(share=share, entries=tuple(entries[name]), from_end=name in _LOGS) for name, share in _SHARES.items()
    }
    return fit(template, known=known, parts=shown, budget=budget_chars).text


def _entries(parts: PromptParts) -> dict[str, list[tuple[str, str]]]:
    """Label and text."""
    single = {
        "issue": f"{parts.issue_title}\n\n{parts.issue_body}".strip(),
        "instructions": parts.instructions,
        "commands": "\n".join(parts.commands),
        "missing": "\n".join(f"- {' '.join(item.split())}" for item in parts.missing),
    }
    entries = {name: [(name, text)] for name, text in single.items()}
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
    return entries
