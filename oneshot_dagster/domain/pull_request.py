"""The words of a pull request and of the commits behind it. The issue's text in them is quoted, neutral and cut.
Comments and briefs for people are messages.py."""

from collections.abc import Mapping, Sequence

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.quoting import cell, cut, fenced, neutral, one_line
from oneshot_dagster.domain.run import Kind, Mode
from oneshot_dagster.domain.test_results import SuiteResult

_TITLE = 100
_QUOTED = 4_000
_MOST_SUITES = 50


def marker(attempt: Attempt) -> str:
    """Hidden in the body: whose pull request it is."""
    return f"<!-- oneshot:{attempt.key} attempt {attempt.number} -->"


def title(attempt: Attempt) -> str:
    issue = one_line(attempt.inputs.issue_title, _TITLE) or f"Change for issue {attempt.key.issue_number}"
    return f'Revert "{issue}"' if attempt.kind is Kind.REVERT else issue


def body(
    attempt: Attempt,
    *,
    summary: str = "",
    suites: Sequence[SuiteResult] = (),
    links: Mapping[str, str] | None = None,
    cost: str = "",
) -> str:
    """`summary` is what the agent says of its work; `suites` the local report; `links` evidence by name; `cost` of the
    change so far, in words."""
    parts = (
        f"## What\n\n{_what(attempt, summary)}",
        f"## Why\n\n{_why(attempt)}",
        f"## Evidence\n\n{_evidence(attempt, suites, links or {})}",
        _by_whom(attempt) + (f" Used for it so far: {cost}." if cost else ""),
        f"{_relation(attempt)}\n\n{marker(attempt)}",
    )
    return "\n\n".join(parts) + "\n"


def commit_message(attempt: Attempt, *, trailers: Sequence[str] = (), said: str = "") -> str:
    """Of the engine's commit on the branch, and of a squash or merge commit: its first line is the title. `said` is a
    paragraph more."""
    more = f"{said}\n\n" if said else ""
    lines = (f"Oneshot-Change: {attempt.key}", f"Oneshot-Attempt: {attempt.number}", *trailers)
    return f"{title(attempt)}\n\n{_relation(attempt)}\n\n{more}" + "\n".join(lines) + "\n"


def _relation(attempt: Attempt) -> str:
    """A revert leaves the issue open: what it asks for is not there any more."""
    word = "Refs" if attempt.kind is Kind.REVERT else "Closes"
    return f"{word} #{attempt.key.issue_number}"


def _what(attempt: Attempt, summary: str) -> str:
    if attempt.kind is Kind.REVERT:
        which = f" {cell(summary)}" if summary.strip() else " a change that did not stand after its deployment."
        return f"Takes back{which}"
    if not summary.strip():
        return f"Attempt {attempt.number} at what the issue asks for."
    return f"In the agent's words, which nobody has checked:\n\n{_quoted(summary)}"


def _why(attempt: Attempt) -> str:
    inputs = attempt.inputs
    text = f"{inputs.issue_title}\n\n{inputs.issue_body}".strip()
    asked = f"Issue #{attempt.key.issue_number} by {cell(inputs.issue_author)}, started by {cell(inputs.triggered_by)}:"
    added = f"\n\nAsked in addition:\n\n{_quoted(inputs.prompt)}" if inputs.prompt.strip() else ""
    return f"{asked}\n\n{_quoted(text)}{added}"


def _quoted(text: str) -> str:
    return fenced(cut(neutral(text), _QUOTED), "text")


_WORDS = {Verdict.PASSED: "passed", Verdict.FAILED: "**failed**", Verdict.DID_NOT_RUN: "**did not run**"}


def _evidence(attempt: Attempt, suites: Sequence[SuiteResult], links: Mapping[str, str]) -> str:
    lines = ["The local tests did not run."]
    if suites:
        lines = [
            "| tests | verdict | passed | failed | why |",
            "|---|---|---|---|---|",
            *map(_row, suites[:_MOST_SUITES]),
        ]
    if len(suites) > _MOST_SUITES:
        lines.append(f"\n{len(suites) - _MOST_SUITES} more in the report.")
    shas = f"Base `{attempt.base_sha or 'unknown'}`, head `{attempt.head_sha or 'unknown'}`."
    found = [f"- [{cell(name)}]({_address(url)})" for name, url in links.items()]
    return "\n".join([*lines, "", shas, *(["", *found] if found else [])])


def _row(suite: SuiteResult) -> str:
    failed = suite.count("failed") + suite.count("error")
    name, why = cell(suite.suite), cell(suite.reason)
    return f"| {name} | {_WORDS[suite.verdict]} | {suite.count('passed')} | {failed} | {why} |"


def _address(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29").replace(" ", "%20").replace("\n", "")


def _by_whom(attempt: Attempt) -> str:
    after = {
        Mode.MERGE: "It is merged when its gate and its evaluation pass at one SHA.",
        Mode.PROPOSE: "It is not merged without a person.",
        Mode.OBSERVE: "It is only observed.",
    }[attempt.mode]
    who = "Git made this, and no agent" if attempt.kind is Kind.REVERT else "An agent wrote this"
    return f"{who} (oneshot_dagster, attempt {attempt.number} of {attempt.key.repository}). {after}"
